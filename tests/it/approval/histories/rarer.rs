//! What happens more rarely: swaps, journals that are lost, outages, other shifts, other policies.

use qinlian::kernel::{CentreId, DeviceId, Words};
use qinlian::ledger::committer::Lane;
use qinlian::proto::approval_step::Decision::{Approve, Refuse};
use qinlian::proto::punch::Direction::{In, Out};
use qinlian::proto::{Device, Policy, ReceiptView, device};
use qinlian::registers::attendance::fact::Command as Attendance;
use qinlian::registers::directory::fact::Record;
use qinlian::registers::roster::fact::Command as Roster;
use qinlian::registers::rulebook::author;

use super::{History, PEOPLE};
use crate::approval::rig::at;
use crate::attendance::rig::{minute, punch, uploaded};
use crate::attendance::vouched::{declare, sign, vouch};
use crate::roster::rig::shift;

impl History<'_> {
    /// Asked for, or answered by whoever's turn it is, or taken back.
    pub(super) async fn swap(&mut self) {
        let hall = self.hall;
        if self.swaps.is_empty() || self.dice.roll(2) == 0 {
            let who = self.dice.roll(PEOPLE.len());
            let (who, with) = (PEOPLE[who], PEOPLE[(who + 1) % PEOPLE.len()]);
            let (own, theirs) = (4 + self.dice.roll(4), 4 + self.dice.roll(4));
            let theirs = if self.dice.roll(3) == 0 { theirs } else { own };
            // Duties that are worth an exchange.
            hall.rostered(&[&format!("{with} 03-{theirs:02} late")]).await;
            if let Ok(answer) = hall.ask(who, &format!("03-{own:02} {with} 03-{theirs:02}")).await {
                self.swaps.push(answer.swap);
            }
        }
        let Some(swap) = self.swaps.last().copied() else { return };
        if self.dice.roll(6) == 0 {
            for name in PEOPLE {
                let _not_theirs = hall.withdraw(name, swap).await;
            }
            return;
        }
        let decision = if self.dice.roll(8) == 0 { Refuse } else { Approve };
        for name in PEOPLE {
            let _not_theirs = hall.accept(name, swap, decision).await;
        }
        if hall.decide("li", swap, Approve).await.is_ok() {
            self.seen.insert("swapped");
        }
    }

    /// Gate 2 stamps what does not arrive, or somebody says what will not, or what is complete.
    pub(super) async fn lose_or_vouch(&mut self) {
        let desk = self.desk;
        let head = desk.rig.stamped_at_gate_2.get();
        let number =
            1 + u64::try_from(self.dice.roll(usize::try_from(head).expect("small").max(1))).expect("small");
        match self.dice.roll(5) {
            0 | 1 => {
                desk.rig.stamped_at_gate_2.set(head + number);
                desk.rig.told(&["gate-2"], self.now).await;
            }
            2 => {
                if let Ok(loss) = declare(desk, "wang", "gate-2", (number, head)).await
                    && self.dice.roll(4) > 0
                {
                    sign(desk, "zhou", loss).await.expect("signed");
                    self.seen.insert("lost");
                }
            }
            // What was lost, or only late, arrives.
            3 => {
                let minutes = self.around().since(minute(0)) / 60_000;
                let (card, direction) = (*self.pick(&["A0", "A1"]), *self.pick(&[In, Out]));
                if number <= head {
                    desk.rig.hall.send(uploaded(punch("gate-2", number, minutes, direction, card))).await;
                    self.seen.insert("arrived");
                }
            }
            _ => {
                let through = self.around();
                // Nothing is complete any more before the source says so.
                let source = Device {
                    device: "excel".to_owned(),
                    kind: device::Kind::ImportSource.into(),
                    ..Device::default()
                };
                desk.rig.hall.put(Record::Device(source)).await;
                if vouch(desk, "wang", "excel", through).await.is_ok() {
                    self.seen.insert("vouched");
                }
            }
        }
    }

    pub(super) async fn device_or_policy(&mut self) {
        let office = &self.desk.rig.hall.office;
        let log = self.desk.rig.hall.log();
        let gate = self.dice.roll(2);
        let device = DeviceId::parse(["gate-1", "gate-2"][gate]).expect("a code");
        match self.dice.roll(3) {
            0 => {
                let command = if self.out[gate] {
                    Attendance::OutageEnd { device, until: self.around().max(at("03-02 09:00")) }
                } else {
                    let reason = Words::parse("停电").expect("words");
                    Attendance::Outage { device, from: self.around(), reason }
                };
                if office.administer(log, command).await.is_ok() {
                    self.out[gate] = !self.out[gate];
                }
            }
            1 => {
                let text = *self.pick(&["1-5 08:30-12:00 14:00-17:30", "1-5 09:00-12:00 13:30-17:00"]);
                let _overlaps = office.administer(log, Roster::Shift(shift("day", text))).await;
            }
            _ => self.policy().await,
        }
    }

    /// Two people, and with effect from a day that may be past.
    async fn policy(&self) {
        let minutes = (*self.pick(&["0", "5", "10"])).to_owned();
        let policy = Policy {
            policy: "own".to_owned(),
            values: [("tol_late_minutes".to_owned(), minutes)].into(),
            effective_from: Some(self.day()),
            ..Policy::default()
        };
        let retroactive = Some(Words::parse("更正").expect("words"));
        let hall = &self.desk.rig.hall;
        let mut proposal = None;
        for (name, command) in [("wang", None), ("zhou", Some(()))] {
            let command = match (command, proposal) {
                (None, _) => {
                    Roster::ProposePolicy { policy: policy.clone(), retroactive: retroactive.clone() }
                }
                (Some(()), Some(proposal)) => Roster::ApprovePolicy { proposal },
                (Some(()), None) => return,
            };
            let subject = self.desk.subject(name);
            let caller = self.desk.caller(name, "ListDays");
            let centre = CentreId::parse("hall").expect("a code");
            let place = hall.office.desk.enter(&caller, &centre).await.expect("a pass");
            assert_eq!(place.pass.subject(), &subject);
            let (id, by) = (hall.office.request_id(), author(&place.pass));
            let lane = Lane::Live;
            let view = ReceiptView::Compact;
            let written = hall.office.desk.submit(hall.log(), id, by, command.into(), lane, view).await;
            proposal = Some(written.expect("on record").pos);
        }
    }
}
