//! The packs that are shipped, read once.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::Policy;

/// Each pack and its file.
pub(super) const FILES: [(&str, &str); 3] = [
    ("cn-default", include_str!("packs/cn-default.toml")),
    ("cn-strict", include_str!("packs/cn-strict.toml")),
    ("demo", include_str!("packs/demo.toml")),
];

/// A file that could not be read would leave its pack out; a test reads them all.
static PACKS: LazyLock<BTreeMap<&str, Policy>> =
    LazyLock::new(|| FILES.iter().filter_map(|(name, text)| Some((*name, read(text)?))).collect());

pub(super) fn pack(name: &str) -> Option<Policy> {
    PACKS.get(name).cloned()
}

/// What a file does not name is as in [`Policy::default`].
fn read(text: &str) -> Option<Policy> {
    Policy::default().with(&values(text)?).ok()
}

fn values(text: &str) -> Option<BTreeMap<String, String>> {
    let table: toml::Table = text.parse().ok()?;
    let value = |value: toml::Value| match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(either) => Some(either.to_string()),
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Array(_) | toml::Value::Table(_) => {
            None
        }
    };
    table.into_iter().map(|(key, found)| Some((key, value(found)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pack_can_be_read() {
        for (name, text) in FILES {
            let values = values(text).unwrap_or_else(|| panic!("{name} is no TOML of plain values"));
            let policy = Policy::default().with(&values).unwrap_or_else(|wrong| panic!("{name}: {wrong:?}"));
            assert_eq!(pack(name), Some(policy));
        }
        assert_eq!(pack("cn-lenient"), None);
    }

    #[test]
    fn the_default_pack_names_every_key_and_is_the_default() {
        let (_, text) = FILES[0];
        assert_eq!(values(text).unwrap(), Policy::default().values());
    }

    #[test]
    fn the_other_packs_differ_where_they_should() {
        let differing = |name| {
            let (default, other) = (Policy::default().values(), pack(name).unwrap().values());
            other.into_iter().filter(|(key, value)| default[key] != *value).collect::<Vec<_>>()
        };
        let pairs = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
        };
        let strict = [
            ("absent_early_minutes", "15"),
            ("absent_late_minutes", "15"),
            ("missing_is_absent", "true"),
            ("serious_late_minutes", "10"),
        ];
        assert_eq!(differing("cn-strict"), pairs(&strict));
        assert_eq!(differing("demo"), pairs(&[("max_wait_minutes", "60")]));
    }
}
