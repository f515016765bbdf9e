//! Could the devices have told us (rule R5)? No absence without proof of that.

use super::interval::closed;
use crate::kernel::EpochMs;

/// What is known of the devices of a centre.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    devices: Vec<Device>,
}

/// What is known of one that people clock in on, or that brings clock-ins in files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its code.
    pub device: String,
    /// In service since then.
    pub since: EpochMs,
    /// Until, but not at: retired or revoked.
    pub until: Option<EpochMs>,
    /// Everything up to and including this time has arrived.
    pub covered_until: Option<EpochMs>,
    /// Declared out of order: from, and until but not at.
    pub outages: Vec<(EpochMs, Option<EpochMs>)>,
    /// What was stamped in these times was declared lost: after the one instant, and not after the other.
    pub lost: Vec<(EpochMs, EpochMs)>,
    /// What it is.
    pub source: Source,
}

/// What tells of clock-ins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A terminal, by its journal.
    Terminal,
    /// A source of files, of which somebody said up to when they are complete.
    Import,
}

/// Does what has arrived prove that nothing else happened in a time?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Yes.
    Proven,
    /// For a while every device in service was declared out of order.
    AllOut,
    /// A device has not told yet: the first, by code.
    Waiting {
        /// Its code.
        device: String,
        /// Up to when it must have told.
        threshold: EpochMs,
    },
    /// For a while no device was in service: nothing can ever prove it.
    NoDevice,
}

impl Coverage {
    /// Of these devices.
    pub fn new(mut devices: Vec<Device>) -> Self {
        devices.sort_by(|one, other| one.device.cmp(&other.device));
        Self { devices }
    }

    /// The devices, by code.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// What is proven of the time from one instant to another, both included.
    pub fn proof(&self, from: EpochMs, until: EpochMs) -> Proof {
        let gap = self.gap(from, until);
        if gap == Some(Proof::AllOut) {
            return Proof::AllOut;
        }
        if let Some((device, threshold)) = self.waiting(from, until) {
            return Proof::Waiting { device, threshold };
        }
        gap.unwrap_or(Proof::Proven)
    }

    /// Does what is known of the time from one instant to another, both included, rest on something that was declared lost?
    pub fn is_lost(&self, from: EpochMs, until: EpochMs) -> bool {
        self.devices
            .iter()
            .any(|device| device.lost.iter().any(|(after, last)| *after < until && from <= *last))
    }

    /// Was every device in service declared out of order at an instant? Only then does a manual roll stand in for them.
    pub fn is_all_out(&self, at: EpochMs) -> bool {
        self.gap(at, at) == Some(Proof::AllOut)
    }

    /// The first device that has something left to tell of the time, and up to when. Where everybody was out and a manual
    /// roll was taken instead, this alone says whether anything may still arrive.
    pub fn waiting(&self, from: EpochMs, until: EpochMs) -> Option<(String, EpochMs)> {
        self.devices.iter().find_map(|device| {
            let threshold = device.threshold(from, until)?;
            Some((device.device.clone(), threshold))
        })
    }

    /// Was there an instant at which nobody could have clocked in, and was that declared?
    fn gap(&self, from: EpochMs, until: EpochMs) -> Option<Proof> {
        // Nothing changes between these.
        let mut instants = vec![from];
        for device in &self.devices {
            instants.push(device.since);
            instants.extend(device.until);
            for (begins, ends) in &device.outages {
                instants.push(*begins);
                instants.extend(*ends);
            }
        }
        let mut gap = None;
        for at in instants.into_iter().filter(|at| from <= *at && *at <= until) {
            let mut serving = self.devices.iter().filter(|device| device.serves(at)).peekable();
            if serving.peek().is_none() {
                gap = Some(Proof::NoDevice);
            } else if serving.all(|device| device.outage(at).is_some()) {
                return Some(Proof::AllOut);
            }
        }
        gap
    }
}

impl Device {
    fn serves(&self, at: EpochMs) -> bool {
        self.since <= at && self.until.is_none_or(|until| at < until)
    }

    /// The outage that holds at an instant.
    fn outage(&self, at: EpochMs) -> Option<(EpochMs, EpochMs)> {
        let mut outages = self.outages.iter().map(|(from, until)| (*from, closed(*until)));
        outages.find(|(from, until)| *from <= at && (at < *until || *until == EpochMs::MAX))
    }

    /// Up to when it must have told of the time from one instant to another; nothing when it has, or need not.
    fn threshold(&self, from: EpochMs, until: EpochMs) -> Option<EpochMs> {
        let first = from.max(self.since);
        let mut last = self.until.map_or(until, |ended| until.min(ended.plus_ms(-1)));
        // What is out of order has nothing to tell.
        while last >= first {
            match self.outage(last) {
                Some((begins, _)) if begins > EpochMs::ZERO => last = begins.plus_ms(-1),
                Some(_) => return None,
                None => break,
            }
        }
        let told = self.covered_until.is_some_and(|covered| covered >= last);
        (last >= first && !told).then_some(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> EpochMs {
        EpochMs::clamped(1_793_577_600_000 + minutes * 60_000)
    }

    fn device(code: &str, covered: Option<i64>, outages: &[(i64, Option<i64>)]) -> Device {
        Device {
            device: code.to_owned(),
            since: EpochMs::ZERO,
            until: None,
            covered_until: covered.map(at),
            outages: outages.iter().map(|(from, until)| (at(*from), until.map(at))).collect(),
            lost: Vec::new(),
            source: Source::Terminal,
        }
    }

    fn waiting(device: &str, threshold: EpochMs) -> Proof {
        Proof::Waiting { device: device.to_owned(), threshold }
    }

    #[test]
    fn every_device_in_service_must_have_told_or_been_out_of_order() {
        let minute = |n| at(n);
        let before = |n| at(n).plus_ms(-1);
        let table = [
            ("told to the end", vec![device("a", Some(20), &[])], Proof::Proven),
            ("told of all but the end", vec![device("a", Some(19), &[])], waiting("a", minute(20))),
            ("never told", vec![device("a", None, &[])], waiting("a", minute(20))),
            (
                "the first by its code is named",
                vec![device("b", None, &[]), device("a", Some(5), &[]), device("c", Some(20), &[])],
                waiting("a", minute(20)),
            ),
            (
                "a dead spare that is declared holds nobody",
                vec![device("a", Some(20), &[]), device("b", Some(5), &[(5, None)])],
                Proof::Proven,
            ),
            (
                "what it stamped before it broke must still come",
                vec![device("a", Some(20), &[]), device("b", Some(5), &[(12, None)])],
                waiting("b", before(12)),
            ),
            (
                "an outage in the middle leaves the end to be told of",
                vec![device("a", Some(20), &[]), device("b", Some(14), &[(12, Some(15))])],
                waiting("b", minute(20)),
            ),
            (
                "outages that meet are one",
                vec![device("a", Some(20), &[]), device("b", Some(10), &[(11, Some(15)), (15, None)])],
                waiting("b", before(11)),
            ),
            ("all out for a while", vec![device("a", Some(20), &[(12, Some(13))])], Proof::AllOut),
            (
                "all out, though never at once",
                vec![device("a", Some(20), &[(12, Some(13))]), device("b", Some(20), &[(13, Some(14))])],
                Proof::Proven,
            ),
            (
                "all out at once",
                vec![device("a", Some(20), &[(12, Some(14))]), device("b", Some(20), &[(13, Some(15))])],
                Proof::AllOut,
            ),
            (
                "out before and after",
                vec![device("a", Some(20), &[(5, Some(10)), (21, None)])],
                Proof::Proven,
            ),
            ("no devices", Vec::new(), Proof::NoDevice),
        ];
        for (case, devices, wanted) in table {
            assert_eq!(Coverage::new(devices).proof(at(10), at(20)), wanted, "{case}");
        }
    }

    #[test]
    fn what_was_stamped_after_one_contact_and_not_after_another_is_lost() {
        let lost = Device { lost: vec![(at(10), at(20))], ..device("a", Some(60), &[]) };
        let coverage = Coverage::new(vec![device("b", Some(60), &[]), lost]);
        for (from, until, wanted) in
            [(0, 10, false), (0, 11, true), (12, 13, true), (20, 30, true), (21, 30, false), (0, 60, true)]
        {
            assert_eq!(coverage.is_lost(at(from), at(until)), wanted, "{from} to {until}");
        }
    }

    #[test]
    fn a_device_tells_of_the_time_of_its_service_only() {
        let serving = |code: &str, from: i64, until: Option<i64>, covered: Option<i64>| Device {
            since: at(from),
            until: until.map(at),
            ..device(code, covered, &[])
        };
        let proof = |devices: Vec<Device>| Coverage::new(devices).proof(at(10), at(20));
        let whole = || device("z", Some(20), &[]);
        assert_eq!(proof(vec![whole(), serving("a", 0, Some(10), None)]), Proof::Proven, "retired before");
        assert_eq!(proof(vec![whole(), serving("a", 21, None, None)]), Proof::Proven, "enrolled after");
        assert_eq!(
            proof(vec![whole(), serving("a", 0, Some(15), Some(12))]),
            waiting("a", at(15).plus_ms(-1)),
            "retired in between"
        );
        assert_eq!(
            proof(vec![serving("a", 12, None, Some(20))]),
            Proof::NoDevice,
            "nothing was there before"
        );
        assert_eq!(
            proof(vec![serving("a", 0, Some(15), Some(15)), serving("b", 15, None, Some(20))]),
            Proof::Proven,
            "one after the other"
        );
        assert_eq!(proof(vec![serving("a", 0, Some(5), None)]), Proof::NoDevice, "all retired");
    }
}
