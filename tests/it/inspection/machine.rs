//! Every state of an inspection × every actor × every action: what is answered.

use qinlian::proto::inspection::Outcome;

use super::rig::{begin, decides, empty, records, replies};
use crate::support::store::each;

/// How an inspection of zhao's window, found by guo, came to be as it is.
const STATES: [&str; 5] = ["AWAITING_REPLY", "REPLIED", "REPLY_OVERDUE", "DECIDED", "PUBLISHED"];
/// Zhao is concerned, qian is a colleague, guo found it, tang is another discipline officer, zhou manages the duty.
const ACTORS: [&str; 5] = ["zhao", "qian", "guo", "tang", "zhou"];

/// State | action | by each actor, in their order.
const TABLE: &str = "
AWAITING_REPLY | answers     | REPLIED NOT_YOURS_TO_ANSWER NOT_YOURS_TO_ANSWER NOT_YOURS_TO_ANSWER NOT_YOURS_TO_ANSWER
AWAITING_REPLY | reminds     | DENIED DENIED OWN_FINDING REPLY_AWAITED REPLY_AWAITED
AWAITING_REPLY | publishes   | DENIED DENIED OWN_FINDING REPLY_AWAITED REPLY_AWAITED
AWAITING_REPLY | lets it be  | DENIED DENIED OWN_FINDING DECIDED DECIDED
REPLIED        | answers     | REPLIED NOT_YOURS_TO_ANSWER NOT_YOURS_TO_ANSWER NOT_YOURS_TO_ANSWER NOT_YOURS_TO_ANSWER
REPLIED        | reminds     | DENIED DENIED OWN_FINDING DECIDED DECIDED
REPLIED        | publishes   | DENIED DENIED OWN_FINDING PUBLISHED PUBLISHED
REPLIED        | lets it be  | DENIED DENIED OWN_FINDING DECIDED DECIDED
REPLY_OVERDUE  | answers     | REPLY_TOO_LATE NOT_YOURS_TO_ANSWER NOT_YOURS_TO_ANSWER NOT_YOURS_TO_ANSWER NOT_YOURS_TO_ANSWER
REPLY_OVERDUE  | reminds     | DENIED DENIED OWN_FINDING DECIDED DECIDED
REPLY_OVERDUE  | publishes   | DENIED DENIED OWN_FINDING PUBLISHED PUBLISHED
REPLY_OVERDUE  | lets it be  | DENIED DENIED OWN_FINDING DECIDED DECIDED
DECIDED        | answers     | ALREADY_DECIDED NOT_YOURS_TO_ANSWER NOT_YOURS_TO_ANSWER NOT_YOURS_TO_ANSWER NOT_YOURS_TO_ANSWER
DECIDED        | reminds     | DENIED DENIED OWN_FINDING ALREADY_DECIDED ALREADY_DECIDED
DECIDED        | publishes   | DENIED DENIED OWN_FINDING ALREADY_DECIDED ALREADY_DECIDED
DECIDED        | lets it be  | DENIED DENIED OWN_FINDING ALREADY_DECIDED ALREADY_DECIDED
PUBLISHED      | answers     | ALREADY_DECIDED NOT_YOURS_TO_ANSWER NOT_YOURS_TO_ANSWER NOT_YOURS_TO_ANSWER NOT_YOURS_TO_ANSWER
PUBLISHED      | reminds     | DENIED DENIED OWN_FINDING ALREADY_DECIDED ALREADY_DECIDED
PUBLISHED      | publishes   | DENIED DENIED OWN_FINDING ALREADY_DECIDED ALREADY_DECIDED
PUBLISHED      | lets it be  | DENIED DENIED OWN_FINDING ALREADY_DECIDED ALREADY_DECIDED
";

#[tokio::test]
async fn an_inspection_answers_every_actor_in_every_state_as_the_table_says() {
    each(async |fixture| {
        let mut hall = begin(&fixture.store, 1_301).await;
        for name in ["guo", "tang", "zhou"] {
            let subject = qinlian::kernel::Subject::Person(hall.people[name].clone());
            hall.office.grant(hall.office.hall, &subject, qinlian::proto::Role::Staff).await;
        }
        hall.turn_to("08:30");
        hall.at_work(&[("zhao", "w1")]).await;
        let rows: Vec<(&str, &str, Vec<&str>)> = TABLE
            .lines()
            .filter(|line| !line.is_empty())
            .map(|line| {
                let cells: Vec<&str> = line.split('|').map(str::trim).collect();
                (cells[0], cells[1], cells[2].split_whitespace().collect())
            })
            .collect();
        assert_eq!(rows.len(), STATES.len() * 4, "every state and every action");
        let mut cases = Vec::new();
        for (state, action, wanted) in rows {
            assert!(STATES.contains(&state), "{state}");
            for (actor, wanted) in ACTORS.into_iter().zip(wanted) {
                let found = records(&hall, "guo", empty(&hall, "w1", "")).await.expect("recorded");
                let inspection = found.inspection;
                let before = match state {
                    "REPLIED" => replies(&hall, "zhao", inspection).await,
                    "DECIDED" => decides(&hall, "tang", inspection, Outcome::NoneWarranted, false).await,
                    "PUBLISHED" => {
                        replies(&hall, "zhao", inspection).await;
                        decides(&hall, "tang", inspection, Outcome::Bulletin, true).await
                    }
                    _ => state.to_owned(),
                };
                assert_eq!(before, state);
                cases.push((state, action, actor, wanted, inspection));
            }
        }
        let mut wrong = Vec::new();
        // Time goes on once: what is overdue comes last.
        cases.sort_by_key(|(state, ..)| *state == "REPLY_OVERDUE");
        let mut late = false;
        for (state, action, actor, wanted, inspection) in cases {
            if state == "REPLY_OVERDUE" && !late {
                hall.turn_to("5T00:00");
                late = true;
            }
            let said = match action {
                "answers" => replies(&hall, actor, inspection).await,
                "reminds" => decides(&hall, actor, inspection, Outcome::Reminder, false).await,
                "publishes" => decides(&hall, actor, inspection, Outcome::Criticism, true).await,
                "lets it be" => decides(&hall, actor, inspection, Outcome::NoneWarranted, false).await,
                other => panic!("nobody {other}"),
            };
            if said != wanted {
                wrong.push(format!("{state} | {action} | {actor}: {said}, not {wanted}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        hall.office.stop().await;
    })
    .await;
}
