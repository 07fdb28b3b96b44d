use crate::{Applied, Datapath, DatapathError, error::in_table};
use bulkhead_abi::Prefix as Key;
use bulkhead_model::{Identity, node::Prefix};
use std::collections::HashMap;

/// External ranges, once for each slot, so that they change together with the rules that speak of them.
#[derive(Debug, Default)]
pub(crate) struct Prefixes {
    slots: [HashMap<Key, u32>; 2],
}

impl Prefixes {
    pub(crate) fn recover(datapath: &Datapath) -> Result<Self, DatapathError> {
        let mut prefixes = Self::default();
        for key in datapath.prefixes.keys().map_err(in_table(&datapath.prefixes))? {
            if let Some(identity) = datapath.prefixes.get(&key).map_err(in_table(&datapath.prefixes))? {
                prefixes.slots[key.slot as usize & 1].insert(key, identity);
            }
        }
        Ok(prefixes)
    }

    pub(crate) fn write(
        &mut self,
        datapath: &Datapath,
        slot: usize,
        wanted: &[Prefix],
        applied: &mut Applied,
    ) -> Result<(), DatapathError> {
        let mut wanted: HashMap<Key, u32> =
            wanted.iter().filter(|p| !is_mapped(p)).map(|p| (key(slot, p), p.identity.0)).collect();
        // In the kernel IPv4 lies inside IPv6: without a range of its own above it, `::/0` would take it in.
        let all_v4 = Prefix { net: ipnet::Ipv4Net::default().into(), identity: Identity::WORLD };
        wanted.entry(key(slot, &all_v4)).or_insert(all_v4.identity.0);
        let installed = &mut self.slots[slot];
        let gone: Vec<Key> = installed.keys().filter(|key| !wanted.contains_key(key)).copied().collect();
        for key in gone {
            datapath.prefixes.remove(&key).map_err(in_table(&datapath.prefixes))?;
            installed.remove(&key);
            applied.removed += 1;
        }
        // What this call has added, to be taken back if it cannot be finished.
        let mut added = Vec::new();
        for (key, identity) in wanted {
            let before = installed.get(&key).copied();
            if before == Some(identity) {
                continue;
            }
            if let Err(error) = datapath.prefixes.set(&key, &identity) {
                for key in added {
                    datapath.prefixes.remove(&key).map_err(in_table(&datapath.prefixes))?;
                    installed.remove(&key);
                }
                return Err(in_table(&datapath.prefixes)(error));
            }
            installed.insert(key, identity);
            if before.is_none() {
                added.push(key);
            }
            applied.written += 1;
        }
        Ok(())
    }
}

/// IPv4 written as IPv6, which is no address of any packet: rules never mean IPv4 by it.
fn is_mapped(prefix: &Prefix) -> bool {
    matches!(prefix.net, ipnet::IpNet::V6(net) if net.prefix_len() >= 96 && net.network().to_ipv4_mapped().is_some())
}

fn key(slot: usize, prefix: &Prefix) -> Key {
    let length = match prefix.net {
        ipnet::IpNet::V4(net) => 96 + net.prefix_len(),
        ipnet::IpNet::V6(net) => net.prefix_len(),
    };
    Key { length: 32 + u32::from(length), slot: slot as u32, address: prefix.net.network().into() }
}
