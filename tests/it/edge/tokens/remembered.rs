//! How many verified tokens are remembered: a bound, whatever callers bring.

use qinlian::access::TokenError;
use qinlian::access::token::REMEMBERED_MAX;
use qinlian::kernel::EpochMs;

use super::{NOW_S, Rig};

/// How many of the first tokens hold for a minute only.
const BRIEF: usize = 100;

#[test]
fn more_tokens_than_the_bound_are_verified_and_no_more_than_the_bound_are_remembered() {
    let rig = Rig::new();
    let token = |n: usize| {
        let exp = NOW_S + if n < BRIEF { 60 } else { 3600 };
        rig.with(&[("exp", &exp.to_string()), ("+", &format!(r#""jti":"{n}""#))])
    };
    let accept = |n: usize| {
        assert_eq!(rig.refused(&token(n)), None, "token {n}");
        rig.verifier.remembered()
    };
    for n in 0..REMEMBERED_MAX {
        assert_eq!(accept(n), n + 1);
    }
    assert_eq!(accept(0), REMEMBERED_MAX, "one that is known takes no room");

    // What is over makes room first.
    rig.clock.turn_to(EpochMs::clamped((NOW_S + 90) * 1000));
    assert_eq!(accept(REMEMBERED_MAX), REMEMBERED_MAX - BRIEF + 1);
    // All that are left hold for an hour.
    for n in REMEMBERED_MAX + 1..=REMEMBERED_MAX + BRIEF {
        let remembered = accept(n);
        assert!((1..=REMEMBERED_MAX).contains(&remembered), "{remembered} after token {n}");
    }
    // Whatever was forgotten is verified again, and what is over stays over.
    for n in [BRIEF, REMEMBERED_MAX / 2, REMEMBERED_MAX + BRIEF] {
        assert!((1..=REMEMBERED_MAX).contains(&accept(n)));
    }
    assert_eq!(rig.refused(&token(0)), Some(TokenError::Expired));
}
