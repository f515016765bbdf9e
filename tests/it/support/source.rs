//! Our own source as the checks read it: code without comments, strings and tests, and the strings by themselves.
//!
//! A small hand parser, good enough for code that rustfmt has formatted; no substitute for the compiler.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A file.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the top of the repository: `src/ledger/commit.rs`.
    pub(crate) path: String,
    /// As it stands.
    pub(crate) text: String,
    /// The same length, with blanks for comments, for what strings hold, and for everything under `#[cfg(test)]`.
    pub(crate) code: String,
    /// String literals outside tests, in order.
    pub(crate) strings: Vec<Literal>,
}

/// A string literal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Literal {
    /// Where its quotes are.
    pub(crate) range: Range<usize>,
    /// What it means, escapes undone.
    pub(crate) value: String,
}

/// Where the repository is.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file under a folder of the repository, sorted.
pub(crate) fn sources(folder: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    walk(&root().join(folder), &mut |path| {
        if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    });
    paths.sort();
    assert!(!paths.is_empty(), "no source in {folder}");
    paths.iter().map(|path| Source::parse(&relative(path), &fs::read_to_string(path).unwrap())).collect()
}

/// A path from the top of the repository.
pub(crate) fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned()
}

/// Every file under a folder.
pub(crate) fn walk(folder: &Path, found: &mut impl FnMut(PathBuf)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, found) } else { found(path) }
    }
}

impl Source {
    /// Takes a text apart.
    pub(crate) fn parse(path: &str, text: &str) -> Self {
        let mut code = text.as_bytes().to_vec();
        let mut strings = Vec::new();
        let mut at = 0;
        while at < code.len() {
            let token = token_at(text, at);
            if !matches!(token.kind, Kind::Code) {
                blank(&mut code, token.range.clone());
            }
            if let Kind::String(value) = token.kind {
                strings.push(Literal { range: token.range.clone(), value });
            }
            at = token.range.end;
        }
        let mut code = String::from_utf8(code).unwrap();
        for tests in test_items(&code) {
            let mut bytes = code.into_bytes();
            blank(&mut bytes, tests.clone());
            code = String::from_utf8(bytes).unwrap();
            strings.retain(|literal| !tests.contains(&literal.range.start));
        }
        Self { path: path.to_owned(), text: text.to_owned(), code, strings }
    }

    /// `path:line` of a place in it.
    pub(crate) fn place(&self, at: usize) -> String {
        format!("{}:{}", self.path, self.text[..at].matches('\n').count() + 1)
    }

    /// The lines of the file.
    pub(crate) fn lines(&self) -> usize {
        self.text.lines().count()
    }

    /// Where a word stands in the code, as a whole identifier.
    pub(crate) fn word(&self, word: &str) -> Vec<usize> {
        let part_of_name = |byte: Option<&u8>| byte.is_some_and(|byte| is_name(*byte));
        self.code
            .match_indices(word)
            .map(|(at, _)| at)
            .filter(|at| {
                let bytes = self.code.as_bytes();
                let before = at.checked_sub(1).and_then(|before| bytes.get(before));
                !part_of_name(before) && !part_of_name(bytes.get(at + word.len()))
            })
            .collect()
    }

    /// The signature and the body of the innermost function whose body holds a place.
    pub(crate) fn function_around(&self, at: usize) -> Option<(&str, &str)> {
        self.word("fn")
            .into_iter()
            .filter_map(|start| {
                let end = item_end(&self.code, start);
                let open = start + self.code.get(start..end)?.find('{')?;
                (open..end).contains(&at).then(|| (&self.code[start..open], &self.code[open..end]))
            })
            .next_back()
    }
}

/// The end of the item that begins at `from`: after its `;`, or after the brace that closes it.
pub(crate) fn item_end(code: &str, from: usize) -> usize {
    let (mut nested, mut braces) = (0_i32, 0_i32);
    for (at, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => nested += 1,
            b')' | b']' => nested -= 1,
            b'{' => braces += 1,
            b'}' => {
                braces -= 1;
                if braces == 0 && nested == 0 {
                    return at + 1;
                }
            }
            b';' if braces == 0 && nested == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

pub(crate) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn test_items(code: &str) -> Vec<Range<usize>> {
    const MARK: &str = "#[cfg(test)]";
    code.match_indices(MARK).map(|(at, _)| at..item_end(code, at + MARK.len())).collect()
}

fn blank(code: &mut [u8], range: Range<usize>) {
    code[range].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
}

enum Kind {
    Code,
    Comment,
    String(String),
}

struct Token {
    kind: Kind,
    range: Range<usize>,
}

fn token_at(text: &str, at: usize) -> Token {
    let rest = &text[at..];
    let of = |kind, length: usize| Token { kind, range: at..at + length };
    if rest.starts_with("//") {
        return of(Kind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return of(Kind::Comment, rest.find("*/").map_or(rest.len(), |end| end + 2));
    }
    let inside_name = at > 0 && is_name(text.as_bytes()[at - 1]);
    let prefix = ["br", "r", "b", "c"].into_iter().find(|prefix| !inside_name && rest.starts_with(prefix));
    for prefix in prefix.into_iter().chain([""]) {
        let hashes = rest[prefix.len()..].bytes().take_while(|byte| *byte == b'#').count();
        let quoted = &rest[prefix.len() + hashes..];
        let is_raw = prefix.ends_with('r');
        if !quoted.starts_with('"') || (hashes > 0 && !is_raw) {
            continue;
        }
        let before = prefix.len() + hashes + 1;
        let (value, after) = if is_raw { raw(&quoted[1..], hashes) } else { escaped(&quoted[1..]) };
        return of(Kind::String(value), before + after);
    }
    of(Kind::Code, character(rest).unwrap_or_else(|| rest.chars().next().map_or(1, char::len_utf8)))
}

/// The length of a character literal; `None` for anything else, lifetimes included.
fn character(rest: &str) -> Option<usize> {
    let quoted = rest.strip_prefix('\'')?;
    let mut characters = quoted.char_indices();
    let first = characters.next()?.1;
    if first == '\\' {
        characters.next()?;
        return characters.find(|(_, next)| *next == '\'').map(|(end, _)| end + 2);
    }
    characters.next().filter(|(_, next)| *next == '\'').map(|(end, _)| end + 2)
}

/// A raw string's value, and the length up to and with its last `#`.
fn raw(rest: &str, hashes: usize) -> (String, usize) {
    let close = format!("\"{}", "#".repeat(hashes));
    let end = rest.find(&close).unwrap_or(rest.len());
    (rest[..end].to_owned(), (end + close.len()).min(rest.len()))
}

/// A string's value, and the length up to and with its last quote.
fn escaped(rest: &str) -> (String, usize) {
    let mut value = String::new();
    let mut characters = rest.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, at + 1),
            '\\' => match characters.next() {
                // A line that goes on: the newline and the indentation are not part of the string.
                Some((_, '\n')) => while characters.next_if(|(_, next)| next.is_whitespace()).is_some() {},
                Some((_, 'n')) => value.push('\n'),
                Some((_, other)) => value.push(other),
                None => {}
            },
            other => value.push(other),
        }
    }
    (value, rest.len())
}

mod tests {
    use super::*;

    #[test]
    fn comments_strings_and_tests_are_no_code() {
        // A raw string in a raw string: % stands for #.
        let text = r#"
//! One "two"
static A: &str = "SELECT 1 \
                  FROM \"t\"";
fn f<'a>(c: char) -> &'a str { if c == '"' || c == '\'' { r%"raw "text""% } else { "z" } /* "no" */ }
%[cfg(test)]
mod tests { const T: &str = "in a test"; fn g() { todo } }
fn after() {}
"#
        .replace('%', "#");
        let source = Source::parse("a.rs", &text);
        assert_eq!(source.code.len(), text.len());
        let values: Vec<&str> = source.strings.iter().map(|literal| literal.value.as_str()).collect();
        assert_eq!(values, ["SELECT 1 FROM \"t\"", "raw \"text\"", "z"]);
        assert_eq!(source.word("f").len(), 1);
        assert!(
            source.word("todo").is_empty() && source.word("two").is_empty() && source.word("no").is_empty()
        );
        assert_eq!(source.word("after").len(), 1);
        assert_eq!(source.place(source.word("A")[0]), "a.rs:3");
        let z = source.strings[2].range.start;
        assert_eq!(source.function_around(z).unwrap().0, "fn f<'a>(c: char) -> &'a str ");
        assert_eq!(source.function_around(source.strings[0].range.start), None);
    }

    #[test]
    fn all_our_sources_can_be_read() {
        let found = sources("src");
        assert!(found.iter().any(|source| source.path == "src/lib.rs"));
        assert!(found.iter().all(|source| source.code.len() == source.text.len()));
    }
}
