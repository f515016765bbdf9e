//! What other rooms may see of duty.

/// Events of one upload (api.md, "Uploads").
pub const UPLOAD_ITEMS_MOST: u32 = 1_000;
/// Bytes of one upload: 1 MiB.
pub const UPLOAD_BYTES_MOST: u32 = 1 << 20;
