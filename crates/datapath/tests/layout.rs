//! The kernel's structs and user space's are the same.

use object::{Object, ObjectSection};

#[test]
fn every_struct_that_both_sides_share_has_one_layout() {
    let file = object::File::parse(bulkhead_datapath::OBJECT).expect("the object is an ELF file");
    let section = file.section_by_name(".abi_layout").expect("bpf/abi.h lists its layout");
    let theirs: Vec<u32> = section
        .data()
        .expect("the section has data")
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes(word.try_into().expect("four bytes")))
        .collect();
    assert_eq!(theirs, bulkhead_abi::layout());
}
