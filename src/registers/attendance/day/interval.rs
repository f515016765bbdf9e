//! Stretches of time, from and until but not at, and what is left of them.

use crate::kernel::EpochMs;

/// From, and until but not at.
pub type Stretch = (EpochMs, EpochMs);

/// What is left of `whole` without the parts, in order; the parts may overlap and stand in any order.
pub fn without(whole: Stretch, parts: impl IntoIterator<Item = Stretch>) -> Vec<Stretch> {
    let mut parts: Vec<Stretch> = parts.into_iter().filter(|(from, until)| from < until).collect();
    parts.sort_unstable();
    let (mut at, end) = whole;
    let mut left = Vec::new();
    for (from, until) in parts {
        if at >= end {
            break;
        }
        if from > at {
            left.push((at, from.min(end)));
        }
        at = at.max(until);
    }
    if at < end {
        left.push((at, end));
    }
    left
}

/// What is left of `whole` outside of the parts, seen the other way round: the parts of it that lie in any of them.
pub fn within(whole: Stretch, parts: impl IntoIterator<Item = Stretch>) -> Vec<Stretch> {
    without(whole, without(whole, parts))
}

/// Milliseconds that two stretches share.
pub fn shared_ms(one: Stretch, other: Stretch) -> i64 {
    one.1.min(other.1).since(one.0.max(other.0)).max(0)
}

/// An end that may be open.
pub fn closed(until: Option<EpochMs>) -> EpochMs {
    until.unwrap_or(EpochMs::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_what_no_part_covers() {
        let at = |n: i64| EpochMs::clamped(n);
        let stretches =
            |pairs: &[(i64, i64)]| pairs.iter().map(|(a, b)| (at(*a), at(*b))).collect::<Vec<_>>();
        for (parts, left) in [
            (&[][..], &[(10, 20)][..]),
            (&[(10, 20)], &[]),
            (&[(0, 30)], &[]),
            (&[(0, 12), (18, 30)], &[(12, 18)]),
            (&[(14, 16)], &[(10, 14), (16, 20)]),
            (&[(15, 17), (12, 16), (15, 15)], &[(10, 12), (17, 20)]),
            (&[(0, 10), (20, 30)], &[(10, 20)]),
        ] {
            let found = without((at(10), at(20)), stretches(parts));
            assert_eq!(found, stretches(left), "{parts:?}");
            let inside = within((at(10), at(20)), stretches(parts));
            let length = |of: &[Stretch]| of.iter().map(|(a, b)| b.since(*a)).sum::<i64>();
            assert_eq!(length(&found) + length(&inside), 10, "{parts:?}");
        }
        assert_eq!(shared_ms((at(0), at(5)), (at(3), at(9))), 2);
        assert_eq!(shared_ms((at(0), at(3)), (at(5), at(9))), 0);
    }
}
