//! `--dry-run`: what an import would do, line by line, by the rule that would decide it. Nothing is written: the source and
//! the people that would be created stand in a copy of the directory.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::format::Format;
use super::punches::{self, Kinds};
use super::twice::Twice;
use super::{Order, Refused, Report, people};
use crate::cli::office::Office;
use crate::clock::random;
use crate::kernel::{EpochDay, LogId, PersonId, Pos, RequestId};
use crate::ledger::port::Author;
use crate::proto::{Assignment, Person, credential, person};
use crate::registers::attendance::admit::admit;
use crate::registers::attendance::fact::{Command, punch_of, quarantined};
use crate::registers::attendance::state::State;
use crate::registers::directory::admit::Seen;
use crate::registers::directory::fact::{Noun, Record, date};
use crate::registers::directory::{Directory, parse};
use crate::registers::rulebook::local_administrator;
use crate::registers::verdict::Moment;

/// The directories as they would be.
struct Stage {
    deployment: Arc<Directory>,
    own: Arc<Directory>,
}

/// What would be stored.
pub(super) async fn rehearse(
    office: &Office,
    order: &Order,
    format: &Format,
    file: &mut Twice,
) -> anyhow::Result<Report> {
    let log = office.log_of(&order.centre).await?;
    let survey = punches::survey(order, format, file)?;
    let mut stage = Stage {
        deployment: office.desk.directory(LogId::DEPLOYMENT).await?,
        own: office.desk.directory(log).await?,
    };
    let (head, _) = office.desk.ledger().reader().head(log).await?;
    let pos = Pos::new(head.size);
    if stage.own.get(Noun::Device, order.source.as_str()).is_none() {
        Arc::make_mut(&mut stage.own).apply(pos, punches::source(&order.source));
    }
    if let Some(first_day) = survey.first_day.filter(|_| order.create_people) {
        stage.create(office, order, &survey.people, first_day, pos);
    }
    let author: Author = local_administrator();
    let moment = Moment {
        log,
        centre: &order.centre,
        base: Pos::ZERO,
        pos,
        at: office.desk.now(),
        last: office.desk.now(),
        principal: &author.principal,
        random: [0; 16],
    };
    let state = State::default();
    let (mut report, mut kinds) = (Report::default(), Kinds::default());
    let mut met: HashSet<RequestId> = HashSet::new();
    let mut rows = format.rows(order, file.again()?)?;
    while let Some(batch) = punches::batch(&mut rows, &mut report)? {
        let ids: Vec<RequestId> = batch.iter().map(|row| punches::request_id(office, order, row)).collect();
        let stand = office.desk.ledger().reader().requests(log, &ids).await?;
        for (row, id) in batch.iter().zip(ids) {
            if stand.contains(&id) || met.contains(&id) {
                report.duplicate += 1;
                continue;
            }
            let kind = kinds.of(office, &stage.own, &row.cells.person);
            let command = Command::punch(punches::punch(office, &order.source, row, kind));
            let seen = Seen { deployment: &stage.deployment, own: &stage.own };
            match admit(&command, &state, seen, &moment) {
                Ok(accepted) => {
                    met.insert(id);
                    let odd = punch_of(&accepted.facts).and_then(quarantined);
                    if odd.is_some() { report.quarantined += 1 } else { report.accepted += 1 }
                }
                Err(reason) => report.refused.push(Refused {
                    line: row.line,
                    reason: reason.code(),
                    detail: reason.said().en.into(),
                }),
            }
        }
    }
    report.refused.sort_by_key(|refused| refused.line);
    punches::finish(office, log, report).await
}

impl Stage {
    /// Whoever would be created, with ids that nobody gets to see.
    fn create(
        &mut self,
        office: &Office,
        order: &Order,
        named: &BTreeSet<String>,
        first_day: EpochDay,
        pos: Pos,
    ) {
        let deployment = Arc::make_mut(&mut self.deployment);
        let own = Arc::make_mut(&mut self.own);
        let from = Some(date(first_day));
        for text in named {
            if people::known_as(office, own, text).is_some() {
                continue;
            }
            let person_id = PersonId::mint(random(&*office.clock)).to_string();
            deployment.apply(
                pos,
                Record::Person(Person {
                    person_id: person_id.clone(),
                    employment: person::Employment::Other.into(),
                    ..Person::default()
                }),
            );
            let card = credential::Kind::Card;
            own.apply(pos, parse::binding(&office.keys, person_id.clone(), card, text, from, None).0);
            own.apply(
                pos,
                Record::Assignment(Assignment {
                    person_id,
                    centre: order.centre.to_string(),
                    from,
                    ..Assignment::default()
                }),
            );
        }
    }
}
