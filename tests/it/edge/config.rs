//! One file, every key with a default; what is not a key is refused by name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use qinlian::access::{Algorithm, Binding, SubjectKind};
use qinlian::config::{Config, Source, TlsVersion};

fn load(text: &str, variables: &[(&str, &str)]) -> Result<(PathBuf, Config), String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    let variables: BTreeMap<_, _> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let config = Config::load(&Source::File(path), &variables).map_err(|error| error.to_string())?;
    Ok((dir.path().to_owned(), config))
}

#[test]
fn a_data_folder_alone_says_everything() {
    let config = Config::load(&Source::Data(PathBuf::from("/d")), &BTreeMap::new()).unwrap();
    for (found, expected) in [
        (&config.keys.seal, "/d/keys/seal.key"),
        (&config.keys.log, "/d/keys/log.key"),
        (&config.keys.token, "/d/keys/token.key"),
        (&config.files.anchor, "/d/anchor"),
        (&config.files.erasures, "/d/erasures"),
        (&config.files.verifier_key, "/d/verifier.key"),
    ] {
        assert_eq!(found, Path::new(expected));
    }
    assert_eq!(config.database.url, "sqlite:///d/qinlian.db");
    assert_eq!((config.listen.address.to_string().as_str(), config.listen.port), ("127.0.0.1", 50051));
    assert!(config.listen.reflection, "on loopback callers may look around");
    let issuer = config.issuers.first().unwrap();
    assert_eq!(
        (&*issuer.issuer, &*issuer.audience, issuer.algorithm),
        ("qinlian/tokens", "qinlian", Algorithm::EdDsa)
    );
    assert_eq!(issuer.jwks_file, Path::new("/d/keys/token.jwks"));
}

#[test]
fn the_file_and_then_the_environment_are_put_over_the_defaults() {
    let file = r#"
        deployment = "hangzhou"
        [listen]
        address = "0.0.0.0"
        port = 1234
        [[issuers]]
        issuer = "https://idp.example"
        audience = "q"
        algorithm = "RS256"
        jwks_file = "idp.jwks"
        jwks_url = "https://idp.example/keys"
        jwks_ca = "idp.pem"
        [[witnesses]]
        url = "https://w.example"
        vkey = "w+1+A"
        [limits]
        shutdown_ms = 5
    "#;
    let variables = [
        ("QINLIAN_LISTEN_PORT", "99"),
        ("QINLIAN_DATABASE_URL", "postgres://q@db/q"),
        ("QINLIAN_FILES_VERIFIER_KEY", "v.key"),
        ("QINLIAN_LIMITS_SINGLE_BYTES", "7777"),
        ("QINLIAN_LISTEN_WEB_ORIGINS", "https://a.example,https://b.example"),
        ("QINLIAN_LISTEN_TLS_KEY", "server.key"),
        ("QINLIAN_LISTEN_TLS_CERTIFICATE", "/etc/server.pem"),
        ("QINLIAN_LISTEN_TLS_CLIENT_CA", "clients.pem"),
        ("QINLIAN_LISTEN_TLS_TERMINALS", "required"),
        ("QINLIAN_LISTEN_TLS_MINIMUM", "1.2"),
        ("QINLIAN_METRICS_LISTEN", "127.0.0.1:9464"),
        ("QINLIAN_TELEMETRY_OTLP", "http://127.0.0.1:4317"),
        ("QINLIAN_TEST_PG", "not ours to judge"),
    ];
    let (dir, config) = load(file, &variables).unwrap();
    assert_eq!((&*config.deployment, config.listen.port, config.listen.reflection), ("hangzhou", 99, false));
    assert_eq!(
        (&*config.database.url, config.limits.single_bytes, config.limits.shutdown_ms),
        ("postgres://q@db/q", 7_777, 5)
    );
    assert_eq!(config.listen.web_origins, ["https://a.example", "https://b.example"]);
    assert_eq!(config.metrics.listen, Some("127.0.0.1:9464".parse().unwrap()));
    assert_eq!(config.telemetry.otlp.as_deref(), Some("http://127.0.0.1:4317"));
    assert_eq!(config.files.verifier_key, dir.join("v.key"));
    let tls = config.listen.tls.unwrap();
    assert_eq!((tls.certificate, tls.key), (PathBuf::from("/etc/server.pem"), dir.join("server.key")));
    assert_eq!((tls.client_ca, tls.terminals), (Some(dir.join("clients.pem")), Binding::Required));
    assert_eq!(tls.minimum, TlsVersion::Tls12);
    let believed: Vec<_> = config.issuers.iter().map(|issuer| (&*issuer.issuer, &*issuer.subjects)).collect();
    let own = ("hangzhou/tokens", [SubjectKind::Device].as_slice());
    assert_eq!(believed, [("https://idp.example", [].as_slice()), own], "its own for terminals alone");
    assert_eq!(config.issuers[0].jwks_file, dir.join("idp.jwks"));
    assert_eq!(config.issuers[0].jwks_ca, Some(dir.join("idp.pem")));
    assert_eq!(config.witnesses[0].vkey, "w+1+A");
    let moved = load("", &[("QINLIAN_DATA", "/elsewhere")]).unwrap().1;
    assert_eq!(moved.keys.seal, Path::new("/elsewhere/keys/seal.key"));
}

#[test]
fn what_is_not_a_key_or_not_its_type_is_refused_by_name() {
    for (file, variables, named) in [
        ("prot = 1", [].as_slice(), "prot"),
        ("[listen]\nprot = 1", &[], "prot"),
        ("[limits]\nsingle_byte = 1", &[], "single_byte"),
        ("[limits]\nframe_bytes = 16383", &[], "limits.frame_bytes: from 16384 to 16777215"),
        ("[limits]\ncalls = 1", &[], "limits.calls: from 2 to"),
        ("", &[("QINLIAN_LIMITS_KEEPALIVE_MS", "0")], "limits.keepalive_ms: from 1 to"),
        ("[limits]\nsingle_bytes = 2000000", &[], "limits.upload_bytes: from 2000000 to"),
        ("[limits]\ntoken_lifetime_s = 60", &[], "limits.terminal_token_s: from 1 to 60"),
        ("[listen.tls]\nminimum = \"1.3\"", &[], "certificate and key are both needed"),
        ("[listen.tls]\ncertificate = \"c\"\nkey = \"k\"\nminimum = \"1.1\"", &[], "1.1"),
        ("[[issuers]]\nissuer='a'\naudience='b'\nalgorithm='HS256'\njwks_file='c'", &[], "HS256"),
        ("[listen]\nport = 70000", &[], "port"),
        ("[listen.tls]\ncertificate = 'c'", &[], "listen.tls"),
        ("[listen.tls]\nkey = 'k'", &[], "listen.tls"),
        ("[listen.tls]\nclient_ca = 'a'", &[], "listen.tls"),
        ("[listen.tls]\ncertificate = 'c'\nkey = 'k'\nterminals = 'required'", &[], "client_ca"),
        ("[listen.tls]\ncertificate = 'c'\nkey = 'k'\nterminals = 'mostly'", &[], "terminals"),
        ("", &[("QINLIAN_LISTEN_TLS_KEY", "k")], "listen.tls"),
        ("", &[("QINLIAN_LISTEN_TLS_TERMINALS", "mostly")], "QINLIAN_LISTEN_TLS_TERMINALS"),
        ("", &[("QINLIAN_LISTEN_PROT", "1")], "QINLIAN_LISTEN_PROT"),
        ("", &[("QINLIAN_LISTEN_PORT", "many")], "QINLIAN_LISTEN_PORT"),
        ("", &[("QINLIAN_LISTEN_REFLECTION", "1")], "QINLIAN_LISTEN_REFLECTION"),
    ] {
        let refused = load(file, variables).unwrap_err();
        assert!(refused.contains(named), "{refused}");
    }
    let missing = Config::load(&Source::File(PathBuf::from("/nowhere/q.toml")), &BTreeMap::new());
    assert!(missing.unwrap_err().to_string().contains("/nowhere/q.toml"));
}

#[test]
fn every_key_can_be_shown_and_read_again_and_a_password_is_not_shown() {
    let (_, config) = load("", &[]).unwrap();
    let shown = config.show();
    let again = load(&shown, &[]).unwrap().1;
    assert_eq!(again, config);
    let (_, encrypted) = load("[listen.tls]\ncertificate = 'c'\nkey = 'k'", &[]).unwrap();
    assert_eq!(load(&encrypted.show(), &[]).unwrap().1, encrypted);
    for url in [
        "postgres://q:canary@db/q",
        "postgres://q:can/ary@db/q",
        "postgres://db/q?password=canary&sslmode=require",
    ] {
        let shown = load("", &[("QINLIAN_DATABASE_URL", url)]).unwrap().1.show();
        assert!(shown.contains("***") && !shown.contains("can"), "{shown}");
    }
    let limits: toml::Table = toml::from_str(&shown).unwrap();
    for (section, keys) in limits.iter().filter_map(|(name, value)| value.as_table().map(|keys| (name, keys)))
    {
        // Lists have no variable.
        for (key, value) in keys.iter().filter(|(_, value)| !value.is_array()) {
            let name = format!("QINLIAN_{section}_{key}").to_ascii_uppercase();
            let value = match value {
                toml::Value::String(text) => text.clone(),
                // A list is written with commas.
                toml::Value::Array(items) => {
                    items.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(",")
                }
                other => other.to_string(),
            };
            assert_eq!(load("", &[(&name, &value)]).map(|_| ()), Ok(()), "{name}");
        }
    }
}
