//! Frames out of capture files, by hand: the files are hostile.

use std::{fs, path::Path};

/// Contents of all files, in the order of their names.
pub(crate) fn files_in(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("the corpus").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("readable")).collect()
}

/// Frames of a pcap file of either byte order; anything else has none. Headers that lie end the walk.
pub(crate) fn frames_of(file: &[u8]) -> Vec<&[u8]> {
    let little = match file.get(..4) {
        Some([0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1]) => true,
        Some([0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d]) => false,
        _ => return Vec::new(),
    };
    let mut rest = &file[24.min(file.len())..];
    let mut frames = Vec::new();
    while rest.len() > 16 {
        let length: [u8; 4] = rest[8..12].try_into().expect("four bytes");
        let length = if little { u32::from_le_bytes(length) } else { u32::from_be_bytes(length) } as usize;
        let Some(frame) = rest.get(16..16 + length) else { break };
        if (14..4000).contains(&length) {
            frames.push(frame);
        }
        rest = &rest[16 + length..];
    }
    frames
}
