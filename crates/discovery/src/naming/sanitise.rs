/// Longest part of a service name.
const LIMIT: usize = 253;

/// The text in the alphabet of service names: letters, digits, `-`, `_`, `.`, between 1 and 253 of them. What has to
/// be changed gets a short hash of the original, so that two texts which differ only in what was lost stay apart.
pub fn sanitise(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=LIMIT).contains(&text.len()) && text.chars().all(fits) {
        return text.to_owned();
    }
    let replaced: String = text.chars().map(|c| if fits(c) { c } else { '-' }).collect();
    let mut kept = replaced.trim_matches(['-', '_', '.']).to_owned();
    kept.truncate(LIMIT - 9);
    let separator = if kept.is_empty() { "" } else { "-" };
    format!("{kept}{separator}{}", short_hash(text))
}

/// Eight hexadecimal digits that stay the same for ever: FNV-1a (RFC 9923), folded to 32 bits.
pub(super) fn short_hash(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{:08x}", (hash >> 32) as u32 ^ hash as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_left_alone() {
        for text in ["redis", "My_App.v2", "a", &"x".repeat(253)] {
            assert_eq!(sanitise(text), text);
        }
    }

    #[test]
    fn texts_that_differ_only_in_what_was_lost_stay_apart() {
        assert_ne!(sanitise("a b"), sanitise("a/b"));
        assert_ne!(sanitise("a b"), sanitise("a-b"));
        assert_ne!(sanitise("ä"), sanitise("ö"));
        assert!(sanitise("a b").starts_with("a-b-"));
        let (long, longer) = ("x".repeat(300), "x".repeat(301));
        assert_ne!(sanitise(&long), sanitise(&longer));
        assert_eq!(sanitise(&long).len(), 253);
        assert_eq!(sanitise("").len(), 8);
    }
}
