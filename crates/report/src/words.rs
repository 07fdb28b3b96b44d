//! Numbers in sentences.

/// `1 rule`, `2 rules`; `1 entry`, `2 entries`.
pub(crate) fn many(count: impl TryInto<u64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    if count == 1 {
        return format!("1 {noun}");
    }
    match noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u'])) {
        Some(stem) => format!("{count} {stem}ies"),
        None => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::many;

    #[test]
    fn one_is_not_many() {
        assert_eq!(
            [many(1_u64, "rule"), many(0_u64, "rule"), many(2_usize, "entry")],
            ["1 rule", "0 rules", "2 entries"]
        );
        assert_eq!(many(3_u32, "way"), "3 ways");
    }
}
