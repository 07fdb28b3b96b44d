use crate::{Applied, Datapath, DatapathError, error::in_table};
use bulkhead_abi::Prefix as Key;
use bulkhead_model::node::Prefix;
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
        let wanted: HashMap<Key, u32> = wanted.iter().map(|p| (key(slot, p), p.identity.0)).collect();
        let installed = &mut self.slots[slot];
        for key in installed.keys().filter(|key| !wanted.contains_key(key)) {
            datapath.prefixes.remove(key).map_err(in_table(&datapath.prefixes))?;
            applied.removed += 1;
        }
        for (key, identity) in wanted.iter().filter(|(key, identity)| installed.get(key) != Some(identity)) {
            datapath.prefixes.set(key, identity).map_err(in_table(&datapath.prefixes))?;
            applied.written += 1;
        }
        *installed = wanted;
        Ok(())
    }
}

fn key(slot: usize, prefix: &Prefix) -> Key {
    let length = match prefix.net {
        ipnet::IpNet::V4(net) => 96 + net.prefix_len(),
        ipnet::IpNet::V6(net) => net.prefix_len(),
    };
    Key { length: 32 + u32::from(length), slot: slot as u32, address: prefix.net.network().into() }
}
