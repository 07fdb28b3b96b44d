//! Which name an address was resolved from, out of DNS answers on their way to workloads.

use simple_dns::{Packet, RCODE, rdata::RData};
use std::net::IpAddr;

/// Longest time for which an answer is believed, seconds.
const LONGEST_TTL: u32 = 86_400;

/// What a DNS answer says: the name that was asked for and the addresses at the end of its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    pub name: String,
    pub addresses: Vec<IpAddr>,
    pub ttl_seconds: u32,
}

/// Reads an answer; `None` for everything that tells of no address. The message is hostile input.
pub fn read_answer(message: &[u8]) -> Option<Resolved> {
    let packet = Packet::parse(message).ok()?;
    if packet.rcode() != RCODE::NoError || !packet.has_flags(simple_dns::PacketFlag::RESPONSE) {
        return None;
    }
    let name = packet.questions.first()?.qname.to_string().to_ascii_lowercase();
    let name = name.trim_end_matches('.').to_owned();
    if name.is_empty() || name.len() > 253 {
        return None;
    }
    let mut ttl_seconds = LONGEST_TTL;
    let mut addresses = Vec::new();
    for record in &packet.answers {
        match &record.rdata {
            RData::A(a) => addresses.push(IpAddr::V4(a.address.into())),
            RData::AAAA(a) => addresses.push(IpAddr::V6(a.address.into())),
            _ => {}
        }
        ttl_seconds = ttl_seconds.min(record.ttl);
    }
    (!addresses.is_empty()).then_some(Resolved { name, addresses, ttl_seconds })
}

#[cfg(test)]
mod tests {
    use super::*;
    use simple_dns::{
        CLASS, Name, Question, ResourceRecord,
        rdata::{A, CNAME},
    };

    #[test]
    fn an_answer_by_way_of_an_alias_belongs_to_the_name_that_was_asked() {
        let mut packet = Packet::new_reply(7);
        let asked = Name::new("API.example.com").expect("valid");
        packet.questions.push(Question::new(
            asked.clone(),
            simple_dns::TYPE::A.into(),
            CLASS::IN.into(),
            false,
        ));
        let alias = Name::new("edge.example.net").expect("valid");
        packet.answers.push(ResourceRecord::new(asked, CLASS::IN, 300, RData::CNAME(CNAME(alias.clone()))));
        packet.answers.push(ResourceRecord::new(alias, CLASS::IN, 60, RData::A(A { address: 0xcb00_7105 })));
        let bytes = packet.build_bytes_vec().expect("fits");
        let resolved = read_answer(&bytes).expect("an answer");
        assert_eq!(resolved.name, "api.example.com");
        assert_eq!(resolved.addresses, ["203.0.113.5".parse::<IpAddr>().expect("valid")]);
        assert_eq!(resolved.ttl_seconds, 60);
    }

    #[test]
    fn cut_and_random_messages_tell_nothing_and_do_no_harm() {
        for length in 0..64 {
            let bytes: Vec<u8> = (0..length).map(|i| (i * 37 + 11) as u8).collect();
            assert_eq!(read_answer(&bytes), None);
        }
    }
}
