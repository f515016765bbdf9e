//! The control of all that is refused: every role's good token of every algorithm is accepted where the role may call.

use std::fs;

use ed25519_dalek::SigningKey;
use jsonwebtoken::EncodingKey;
use qinlian::access::{LocalIssuer, Rules};
use qinlian::proto::access::Scope;
use tonic::Code;

use super::{AUDIENCE, ED, ES, PS, RS, b64, jwks, kid_of, signed};
use crate::edge::dynamic::call;
use crate::edge::dynamic::message::Maker;
use crate::edge::dynamic::world::{About, Held, World, holder, roles};
use crate::rigs::canary::fill::{methods, path_of};
use crate::rigs::load::now_ms;
use crate::rigs::town::Town;

/// How somebody signs.
struct Signs {
    algorithm: &'static str,
    issuer: &'static str,
    kid: String,
    sign: Box<dyn Fn(&str, &str) -> String + Send + Sync>,
}

/// Four issuers, whose keys the town's configuration names.
fn issuers(town: &Town) -> Vec<Signs> {
    use ed25519_dalek::Signer as _;
    let es = EncodingKey::from_ec_pem(include_bytes!("../../../vectors/tokens/test-only-es256.pem")).unwrap();
    let rs =
        EncodingKey::from_rsa_pem(include_bytes!("../../../vectors/tokens/test-only-rs256.pem")).unwrap();
    let local = LocalIssuer::new(&[7; 32], ED, AUDIENCE);
    let site = town.site(0);
    let mut config = fs::read_to_string(site.join("config.toml")).unwrap();
    for (issuer, algorithm, keys) in [
        (ED, "EdDSA", local.jwks()),
        (ES, "ES256", jwks(&es, jsonwebtoken::Algorithm::ES256, "es-1")),
        (RS, "RS256", jwks(&rs, jsonwebtoken::Algorithm::RS256, "rs-1")),
        (PS, "PS256", jwks(&rs, jsonwebtoken::Algorithm::PS256, "ps-1")),
    ] {
        let file = site.join(format!("{algorithm}.jwks"));
        fs::write(&file, keys).unwrap();
        config.push_str(&format!(
            "[[issuers]]\nissuer = {issuer:?}\naudience = {AUDIENCE:?}\nalgorithm = {algorithm:?}\njwks_file = {:?}\n",
            file.display().to_string()
        ));
    }
    fs::write(site.join("config.toml"), config).unwrap();
    let ed = SigningKey::from_bytes(&[7; 32]);
    let by_ed = move |header: &str, claims: &str| {
        use base64::Engine as _;
        let said = format!("{}.{}", b64(header), b64(claims));
        let signature = ed.sign(said.as_bytes()).to_bytes();
        format!("{said}.{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(signature))
    };
    let by = |key: EncodingKey, algorithm| {
        move |header: &str, claims: &str| signed(header, claims, &key, algorithm)
    };
    let signs = |algorithm, issuer, kid: &str, sign| Signs { algorithm, issuer, kid: kid.to_owned(), sign };
    vec![
        signs("EdDSA", ED, &kid_of(&local), Box::new(by_ed)),
        signs("ES256", ES, "es-1", Box::new(by(es, jsonwebtoken::Algorithm::ES256))),
        signs("RS256", RS, "rs-1", Box::new(by(rs.clone(), jsonwebtoken::Algorithm::RS256))),
        signs("PS256", PS, "ps-1", Box::new(by(rs, jsonwebtoken::Algorithm::PS256))),
    ]
}

fn bearer(signs: &Signs, subject: &str) -> String {
    let now = now_ms() / 1_000;
    let header = format!(r#"{{"alg":"{}","typ":"at+jwt","kid":"{}"}}"#, signs.algorithm, signs.kid);
    let claims = format!(
        r#"{{"iss":"{}","aud":"{AUDIENCE}","sub":"{subject}","iat":{now},"nbf":{now},"exp":{}}}"#,
        signs.issuer,
        now + 900
    );
    format!("Bearer {}", (signs.sign)(&header, &claims))
}

/// The same token with one bit of its signature turned.
fn spoiled(bearer: &str) -> String {
    let at = bearer.len() - 40;
    let other = if bearer.as_bytes()[at] == b'A' { 'B' } else { 'A' };
    format!("{}{other}{}", &bearer[..at], &bearer[at + 1..])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_is_let_in_with_a_good_token_of_every_algorithm_and_not_with_a_spoiled_one() {
    let town = Town::on_sqlite().await;
    let issuers = issuers(&town);
    let world = World::begin(town).await;
    let rules = Rules::ours().unwrap();
    let mut maker = Maker::new(31);
    let any = methods().into_iter().find(|method| method.name() == "GetCheckpoint").unwrap();
    let mut accepted = 0;
    for role in roles() {
        // Something that is read, where there is any: nothing stands in its way but the token.
        let mut may: Vec<_> = methods()
            .into_iter()
            .filter(|method| {
                let rule = rules.find(&path_of(method)).unwrap();
                rule.roles.contains(&role) && rule.scope != Scope::Deployment
            })
            .collect();
        may.sort_by_key(|method| !["Get", "List"].iter().any(|verb| method.name().starts_with(verb)));
        // Nothing names some roles yet. They are known, and may do nothing.
        let decided: &[Code] = if may.is_empty() {
            &[Code::PermissionDenied]
        } else {
            &[Code::Ok, Code::NotFound, Code::FailedPrecondition]
        };
        let method = may.first().unwrap_or(&any);
        let subject = holder(role, Held::Hall);
        for signs in &issuers {
            let good = bearer(signs, &subject);
            let names = world.names(About::Own, subject.strip_prefix("device:").unwrap_or("d-hall"), false);
            let mut ask = async |token: &str| {
                let message = maker.request(method, &names);
                call(&world.channel, method, message, Some(token), "en").await
            };
            let what = format!("{role:?} by {} to {}", signs.algorithm, method.name());
            let answer = ask(&good).await;
            assert!(decided.contains(&answer.code), "{what}: {answer:?}");
            let answer = ask(&spoiled(&good)).await;
            assert_eq!((answer.code, &*answer.reason), (Code::Unauthenticated, "TOKEN_INVALID"), "{what}");
            accepted += 1;
        }
    }
    assert_eq!(accepted, roles().len() * 4);
    world.end().await;
}
