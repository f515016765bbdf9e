//! HTTP/2 frames (RFC 9113) written by hand, with headers as literals (RFC 7541): for what no client's library would do.

/// What a connection begins with (RFC 9113 §3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const NO_FLAGS: u8 = 0;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// A frame (RFC 9113 §4.1).
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The headers of a call (RFC 7541 §6: two from the static table, the rest literals).
pub(crate) fn headers(path: &str, token: &str, more: &[(&str, &str)]) -> Vec<u8> {
    // :method POST, :scheme http.
    let mut block = vec![0x83, 0x86];
    block.extend(literal(":path", path));
    block.extend(literal(":authority", "hall"));
    block.extend(literal("content-type", "application/grpc"));
    block.extend(literal("te", "trailers"));
    if !token.is_empty() {
        block.extend(literal("authorization", token));
    }
    block.extend(more.iter().flat_map(|(name, value)| literal(name, value)));
    block
}

/// A header that is put into no table, with its name written out.
pub(crate) fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        // RFC 7541 §5.1: a number with a prefix of seven bits.
        match text.len() {
            short @ 0..127 => bytes.push(u8::try_from(short).expect("short")),
            long => {
                bytes.push(127);
                let mut rest = long - 127;
                while rest >= 128 {
                    bytes.push(u8::try_from(rest % 128 + 128).expect("a byte"));
                    rest /= 128;
                }
                bytes.push(u8::try_from(rest).expect("a byte"));
            }
        }
        bytes.extend(text.as_bytes());
    }
    bytes
}

#[test]
fn lengths_of_headers_are_written_as_the_rfc_says() {
    // RFC 7541 §C.1.2 has 1337 with a prefix of five bits; with seven it is 127, then 1210 = 9 × 128 + 58.
    assert_eq!(literal("a", &"x".repeat(1337))[..5], [0, 1, b'a', 127, 58 + 128]);
    assert_eq!(literal("a", &"x".repeat(126))[3], 126);
    assert_eq!(frame(PING, NO_FLAGS, 3, &[9])[..], [0, 0, 1, 6, 0, 0, 0, 0, 3, 9]);
}
