//! Codes for what people call by a name: a department, a shift.

use sha2::{Digest, Sha256};

use crate::kernel::spell;

/// Letters of a made code: 10 of 5 bits each, so that two names of one deployment never meet.
const LETTERS: usize = 10;

/// The code of a name: the same wherever and whenever it is made.
pub(super) fn made(prefix: char, name: &str) -> String {
    let hash: [u8; 32] =
        Sha256::new().chain_update(b"qinlian/v1/code\0").chain_update(name).finalize().into();
    let bits = hash.first_chunk::<16>().map_or(0, |bytes| u128::from_be_bytes(*bytes));
    format!("{prefix}-{}", spell(bits, LETTERS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ShiftId;

    #[test]
    fn a_name_has_one_code_for_ever() {
        assert_eq!(made('s', "早班"), made('s', "早班"));
        assert_ne!(made('s', "早班"), made('s', "晚班"));
        assert!(ShiftId::parse(&made('s', "早班")).is_ok());
    }
}
