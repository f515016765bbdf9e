//! The text of a checkpoint, c2sp.org/tlog-checkpoint "Note text".

use super::hash::Hash;
use super::node::MAX_SIZE;

/// Origin, size, root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many leaves.
    pub size: u64,
    /// The root at that size.
    pub root: Hash,
    /// Lines that we never write, and keep when we read them: they are signed too.
    pub extensions: Vec<String>,
}

/// Why a text is not a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Fewer than three lines, an empty one, or no final newline.
    #[error("does not have three lines and only full ones")]
    Lines,
    /// Not a decimal without leading zeroes, or beyond 2^62.
    #[error("has a size that is not a plain decimal")]
    Size,
    /// Not 32 bytes in base64.
    #[error("has a root that is not 32 bytes in base64")]
    Root,
}

impl Checkpoint {
    /// Without extension lines.
    pub fn new(origin: &str, size: u64, root: Hash) -> Self {
        Self { origin: origin.to_owned(), size, root, extensions: Vec::new() }
    }

    /// The text that is signed, with its final newline.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, self.root);
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Parses a note's text.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let lines: Vec<&str> = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?.split('\n').collect();
        let [origin, size, root, extensions @ ..] = lines.as_slice() else {
            return Err(CheckpointError::Lines);
        };
        if lines.iter().any(|line| line.is_empty()) {
            return Err(CheckpointError::Lines);
        }
        let size = parse_decimal(size).filter(|size| *size <= MAX_SIZE).ok_or(CheckpointError::Size)?;
        let root = Hash::parse_base64(root).ok_or(CheckpointError::Root)?;
        let extensions = extensions.iter().map(|line| (*line).to_owned()).collect();
        Ok(Self { origin: (*origin).to_owned(), size, root, extensions })
    }
}

/// An ASCII decimal with no leading zeroes, unless it is `0`.
pub(super) fn parse_decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits && (text == "0" || !text.starts_with('0')) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of c2sp.org/tlog-checkpoint.
    const TEXT: &str =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn the_example_of_the_specification_is_read_and_written_alike() {
        let checkpoint = Checkpoint::parse(TEXT).unwrap();
        assert_eq!(
            (checkpoint.origin.as_str(), checkpoint.size),
            ("example.com/behind-the-sofa", 20_852_163)
        );
        assert_eq!(checkpoint.to_text(), TEXT);
        let extended = format!("{TEXT}ext 1\n");
        assert_eq!(Checkpoint::parse(&extended).unwrap().to_text(), extended);
    }

    #[test]
    fn what_is_not_a_checkpoint_is_named() {
        for (from, to, error) in [
            ("20852163", "020852163", CheckpointError::Size),
            ("20852163", "-1", CheckpointError::Size),
            ("20852163", "4611686018427387905", CheckpointError::Size),
            ("CsUY", "====", CheckpointError::Root),
            ("20852163\n", "", CheckpointError::Lines),
            ("20852163\n", "\n20852163\n", CheckpointError::Lines),
            ("example.com/behind-the-sofa", "", CheckpointError::Lines),
        ] {
            assert_eq!(Checkpoint::parse(&TEXT.replace(from, to)), Err(error), "{from} -> {to}");
        }
        assert_eq!(Checkpoint::parse(TEXT.trim_end()), Err(CheckpointError::Lines));
    }
}
