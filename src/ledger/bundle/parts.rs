//! A file of parts: what 256 leaves commit to, in the order of the leaves.
//!
//! ```text
//! file   = entry × (up to 256)
//! entry  = count u8 | count × part
//! part   = 0                                       gone: an ERASE entry has to say so
//!        | 1 | salt 32 | length u32 | payload      here
//!        | 2                                       stands in the database, left out of this bundle
//! ```

/// A part of an entry, as a bundle or a database shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartHere<'a> {
    /// Not there: erased, or destroyed.
    Gone,
    /// There.
    Here {
        /// Its salt.
        salt: [u8; 32],
        /// Its bytes.
        payload: &'a [u8],
    },
    /// There, and not shown.
    Withheld,
}

/// Why bytes are not a file of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PartsError {
    /// Ends within an entry.
    #[error("the file of parts is cut short")]
    CutShort,
    /// Neither gone, nor here, nor withheld.
    #[error("the file of parts has a state that is none")]
    State,
}

/// Appends the parts of one entry.
pub fn encode_parts(bytes: &mut Vec<u8>, parts: &[PartHere<'_>]) {
    // A leaf has at most 255 parts.
    bytes.push(u8::try_from(parts.len()).unwrap_or(u8::MAX));
    for part in parts.iter().take(usize::from(u8::MAX)) {
        match part {
            PartHere::Gone => bytes.push(0),
            PartHere::Here { salt, payload } => {
                bytes.push(1);
                bytes.extend_from_slice(salt);
                bytes.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes());
                bytes.extend_from_slice(payload);
            }
            PartHere::Withheld => bytes.push(2),
        }
    }
}

/// Reads a file of parts, entry by entry.
#[derive(Debug)]
pub struct PartsReader<'a> {
    rest: &'a [u8],
}

impl<'a> PartsReader<'a> {
    /// From the file's bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The parts of the next entry.
    pub fn entry(&mut self) -> Result<Vec<PartHere<'a>>, PartsError> {
        let [count] = self.take::<1>()?;
        (0..count).map(|_| self.part()).collect()
    }

    /// Was everything read?
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn part(&mut self) -> Result<PartHere<'a>, PartsError> {
        match self.take::<1>()? {
            [0] => Ok(PartHere::Gone),
            [1] => {
                let salt = self.take()?;
                let length = usize::try_from(u32::from_be_bytes(self.take()?)).unwrap_or(usize::MAX);
                let (payload, rest) = self.rest.split_at_checked(length).ok_or(PartsError::CutShort)?;
                self.rest = rest;
                Ok(PartHere::Here { salt, payload })
            }
            [2] => Ok(PartHere::Withheld),
            [_] => Err(PartsError::State),
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], PartsError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(PartsError::CutShort)?;
        self.rest = rest;
        Ok(*head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_as_they_were_written_and_no_cut_of_them_is() {
        let entries = [
            vec![PartHere::Here { salt: [7; 32], payload: b"facts" }, PartHere::Withheld],
            vec![],
            vec![PartHere::Here { salt: [8; 32], payload: b"" }, PartHere::Gone],
        ];
        let mut bytes = Vec::new();
        for parts in &entries {
            encode_parts(&mut bytes, parts);
        }
        let read = |bytes: &[u8]| {
            let mut reader = PartsReader::new(bytes);
            for parts in &entries {
                if reader.entry().as_ref() != Ok(parts) {
                    return false;
                }
            }
            reader.is_empty()
        };
        assert!(read(&bytes));
        assert!((0..bytes.len()).all(|length| !read(bytes.get(..length).unwrap())));
        assert_eq!(PartsReader::new(&[1, 3]).entry(), Err(PartsError::State));
    }
}
