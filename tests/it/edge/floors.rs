//! No crate below the version that mended a known hole, and none that has one without a cure.

/// The version that a locked crate must have at least, and what older ones have.
const FLOORS: &[(&str, [u64; 3], &str)] = &[
    ("h2", [0, 4, 16], "RUSTSEC-2026-0258, 2024-0332, 2024-0003, 2023-0034"),
    ("tonic", [0, 14, 6], "RUSTSEC-2024-0376"),
    ("rustls-webpki", [0, 103, 13], "RUSTSEC-2026-0049, -0098, -0099, -0104"),
    ("rustls", [0, 23, 18], "RUSTSEC-2024-0399, 2024-0336"),
    ("aws-lc-sys", [0, 39, 0], "RUSTSEC-2026-0044 to -0048"),
    ("bytes", [1, 11, 1], "RUSTSEC-2026-0007"),
    ("time", [0, 3, 47], "RUSTSEC-2026-0009"),
    ("tracing-subscriber", [0, 3, 20], "RUSTSEC-2025-0055"),
    ("sqlx", [0, 8, 1], "RUSTSEC-2024-0363"),
    ("jsonwebtoken", [10, 3, 0], "CVE-2026-25537, which no advisory database of crates names"),
];

/// Never in the tree.
const ABSENT: &[(&str, &str)] =
    &[("rsa", "RUSTSEC-2023-0071, not mended"), ("rustls-pemfile", "RUSTSEC-2025-0134, given up")];

/// What is wrong with a Cargo.lock.
fn wrong(lock: &str) -> Vec<String> {
    let lock: toml::Table = toml::from_str(lock).unwrap();
    let packages: Vec<(&str, &str)> = lock["package"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| (package["name"].as_str().unwrap(), package["version"].as_str().unwrap()))
        .collect();
    let mut wrong = Vec::new();
    for (name, version) in packages {
        let holes = FLOORS.iter().filter(|(known, floor, _)| *known == name && numbers(version) < *floor);
        wrong.extend(holes.map(|(_, _, why)| format!("{name} {version}: {why}")));
        let banned = ABSENT.iter().filter(|(known, _)| *known == name);
        wrong.extend(banned.map(|(_, why)| format!("{name} {version}: {why}")));
    }
    wrong
}

fn numbers(version: &str) -> [u64; 3] {
    let plain = version.split(['-', '+']).next().unwrap();
    let mut numbers = plain.split('.').map(|number| number.parse().unwrap());
    std::array::from_fn(|_| numbers.next().unwrap())
}

#[test]
fn no_locked_crate_has_a_hole_that_is_known() {
    assert_eq!(wrong(include_str!("../../../Cargo.lock")), Vec::<String>::new());
}

#[test]
fn the_control_an_old_crate_and_a_banned_one_are_named() {
    for (name, version, found) in [
        ("h2", "0.4.15", true),
        ("h2", "0.4.16", false),
        ("jsonwebtoken", "9.3.1", true),
        ("jsonwebtoken", "10.3.0", false),
        ("rsa", "0.9.8", true),
        ("rustls-pemfile", "2.2.0", true),
    ] {
        let lock = format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n");
        assert_eq!(!wrong(&lock).is_empty(), found, "{name} {version}");
    }
}
