//! Numbers by which people are judged: proposed by one, approved by another, and from a day on.

use qinlian::kernel::{LogId, PersonId, Subject};
use qinlian::proto::*;
use qinlian::registers::failure::Failure;

use super::rig::{Desk, date, refused};
use crate::support::clock;
use crate::support::office::HALL;
use crate::support::store::each;

struct Board {
    desk: Desk,
    officers: [PersonId; 2],
}

impl Board {
    async fn begin(store: &qinlian::store::Store, seed: u64) -> Self {
        let desk = Desk::begin(store, &clock(seed)).await;
        let officers = [desk.people[0].clone(), desk.people[1].clone()];
        for officer in &officers {
            for log in [LogId::DEPLOYMENT, desk.office.hall] {
                let subject = Subject::Person(officer.clone());
                desk.office.grant(log, &subject, Role::AttendanceOfficer).await;
            }
        }
        Self { desk, officers }
    }

    async fn propose(
        &self,
        officer: usize,
        centre: &str,
        policy: Policy,
        reason: &str,
    ) -> Result<ProposePolicyResponse, Failure> {
        let request = ProposePolicyRequest {
            centre: centre.to_owned(),
            request_id: self.desk.id(),
            policy: Some(policy),
            retroactive_reason: reason.to_owned(),
            ..ProposePolicyRequest::default()
        };
        let subject = Subject::Person(self.officers[officer].clone());
        self.desk.calls.propose_policy(&self.desk.caller(&subject, "ProposePolicy"), request).await
    }

    async fn approve(
        &self,
        subject: &Subject,
        centre: &str,
        proposal: u64,
    ) -> Result<ApprovePolicyResponse, Failure> {
        let request = ApprovePolicyRequest {
            centre: centre.to_owned(),
            request_id: self.desk.id(),
            proposal,
            ..ApprovePolicyRequest::default()
        };
        self.desk.calls.approve_policy(&self.desk.caller(subject, "ApprovePolicy"), request).await
    }

    fn officer(&self, number: usize) -> Subject {
        Subject::Person(self.officers[number].clone())
    }

    /// Proposed by the first, approved by the second.
    async fn adopt(&self, centre: &str, policy: Policy, reason: &str) {
        let proposal = self.propose(0, centre, policy, reason).await.expect("a proposal").proposal;
        self.approve(&self.officer(1), centre, proposal).await.expect("an approval");
    }

    async fn values(&self, on: &str) -> GetPolicyResponse {
        let request = GetPolicyRequest { centre: HALL.to_owned(), date: Some(date(on)) };
        self.desk.calls.get_policy(&self.desk.officer("GetPolicy"), request).await.expect("an answer")
    }

    async fn serious(&self, on: &str) -> String {
        self.values(on).await.values["serious_late_minutes"].clone()
    }
}

fn policy(pack: &str, from: &str, values: &[(&str, &str)]) -> Policy {
    Policy {
        policy: "attendance".to_owned(),
        pack: pack.to_owned(),
        values: values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        effective_from: Some(date(from)),
    }
}

#[tokio::test]
async fn a_policy_takes_two_people_and_begins_after_the_day_of_its_approval() {
    each(async |fixture| {
        let board = Board::begin(&fixture.store, 301).await;
        let later = policy("cn-strict", "2026-03-09", &[]);
        // Today is Monday, 2 March 2026.
        let today = board.propose(0, HALL, policy("cn-strict", "2026-03-02", &[]), "").await;
        assert_eq!(refused(today), "NOT_IN_THE_FUTURE");
        let proposal = board.propose(0, HALL, later, "").await.expect("a proposal").proposal;
        assert_eq!(refused(board.approve(&board.officer(0), HALL, proposal).await), "OWN_PROPOSAL");
        let system = Subject::parse("system:officer").expect("a subject");
        assert_eq!(refused(board.approve(&system, HALL, proposal).await), "NOT_A_PERSON");
        assert_eq!(refused(board.approve(&board.officer(1), HALL, proposal + 1).await), "NO_SUCH_PROPOSAL");
        let approved = board.approve(&board.officer(1), HALL, proposal).await.expect("an approval");
        assert_eq!(approved.policy.expect("the policy").pack, "cn-strict");
        assert_eq!(refused(board.approve(&board.officer(1), HALL, proposal).await), "ALREADY_APPROVED");
        assert_eq!(
            (board.serious("2026-03-08").await, board.serious("2026-03-09").await),
            ("15".into(), "10".into())
        );
        let named = board.values("2026-03-09").await;
        assert!(named.centre_index.is_some() && named.deployment_index.is_none());
        board.desk.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_judges_the_past_says_why() {
    each(async |fixture| {
        let board = Board::begin(&fixture.store, 302).await;
        board
            .adopt(HALL, policy("cn-default", "2026-02-01", &[("serious_late_minutes", "20")]), "补录协议")
            .await;
        assert_eq!(
            (board.serious("2026-01-31").await, board.serious("2026-02-01").await),
            ("15".into(), "20".into())
        );
        board.desk.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_centres_own_numbers_win_key_by_key() {
    each(async |fixture| {
        let board = Board::begin(&fixture.store, 303).await;
        let none = board.propose(0, "_", policy("", "2026-03-03", &[]), "").await;
        assert_eq!(refused(none), "NO_PACK");
        let deployment = [("tol_late_minutes", "5"), ("serious_late_minutes", "12")];
        board.adopt("_", policy("cn-strict", "2026-03-03", &deployment), "").await;
        let own = [("serious_late_minutes", "14")];
        board.adopt(HALL, policy("", "2026-03-10", &own), "").await;
        board.adopt(HALL, policy("cn-default", "2026-03-20", &own), "").await;
        for (on, tolerance, serious, absent) in [
            ("2026-03-02", "0", "15", "30"),
            ("2026-03-03", "5", "12", "15"),
            ("2026-03-10", "5", "14", "15"),
            // It names a pack of its own: nothing of the deployment's is left.
            ("2026-03-20", "0", "14", "30"),
        ] {
            let values = board.values(on).await.values;
            let found = ["tol_late_minutes", "serious_late_minutes", "absent_late_minutes"];
            assert_eq!(found.map(|key| values[key].as_str()), [tolerance, serious, absent], "{on}");
        }
        board.desk.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn every_wrong_number_is_named_at_once() {
    each(async |fixture| {
        let board = Board::begin(&fixture.store, 304).await;
        let wrong = [("absent_late_minutes", "-1"), ("tol_late", "5")];
        let answer = board.propose(0, HALL, policy("cn-strict", "2026-03-09", &wrong), "").await;
        let named = refused(answer);
        assert!(named.contains("policy.values.absent_late_minutes "), "{named}");
        assert!(named.contains("policy.values UNKNOWN_KEY"), "{named}");
        let answer = board.propose(0, HALL, policy("cn-lenient", "2026-03-09", &[]), "").await;
        assert_eq!(refused(answer), "policy.pack UNKNOWN_PACK");
        board.desk.office.stop().await;
    })
    .await;
}
