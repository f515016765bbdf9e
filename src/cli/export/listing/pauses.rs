//! Pauses at windows: a line for each that began in the month, as `ListPauses` tells it. What somebody said in words is not
//! in it.

use prost::Message;

use super::{Cell, PAGE, Row, words};
use crate::cli::export::Order;
use crate::cli::export::moment::Moment;
use crate::kernel::{DepartmentId, EpochMs, Pos};
use crate::proto::guidance::Kind;
use crate::proto::{Guidance, Pause};
use crate::registers::attendance::service::Indexes;
use crate::registers::duty::pause::PauseCourse;
use crate::registers::duty::report::nearest_minutes;
use crate::registers::duty::service::listed::Pauses;

/// The columns, in their order. New ones come at the end.
pub const COLUMNS: [&str; 22] = [
    "工号",
    "人员标识",
    "窗口",
    "窗口号",
    "对象",
    "事由",
    "开始",
    "首次承诺返回",
    "最后承诺返回",
    "延长次数",
    "结束",
    "结束方式",
    "分钟",
    "超时分钟",
    "结论",
    "已放标识",
    "标识",
    "引导",
    "标志",
    "决定",
    "决定人",
    "条目",
];

/// The pages, in the order of the entries.
pub(super) struct Pages<'a> {
    moment: &'a Moment,
    department: Option<&'a DepartmentId>,
    during: (EpochMs, EpochMs),
    after: Option<(Pos, u32)>,
    indexes: Indexes,
}

impl<'a> Pages<'a> {
    pub(super) fn new(moment: &'a Moment, order: &'a Order) -> Self {
        let during = moment.during((order.from, order.until));
        let indexes = Indexes::new(moment.epochs.clone());
        Self { moment, department: order.department.as_ref(), during, after: None, indexes }
    }

    pub(super) async fn next(&mut self) -> anyhow::Result<Vec<Row>> {
        let Moment { store, log, at, recorded, zone, own, .. } = self.moment;
        let pauses = Pauses { store, log: *log, own, zone, before: *at, at: *recorded };
        while let Some((courses, last)) = pauses.begun(self.after, self.during, PAGE).await? {
            self.after = Some(last);
            let is_of = |course: &&PauseCourse| self.moment.is_of(&course.person_id, self.department);
            let wanted: Vec<&PauseCourse> = courses.iter().filter(is_of).collect();
            let told = pauses.told(&wanted, &self.indexes).await?;
            if !told.is_empty() {
                return Ok(told.iter().zip(wanted).map(|(pause, course)| self.row(pause, course)).collect());
            }
        }
        Ok(Vec::new())
    }

    fn row(&self, pause: &Pause, course: &PauseCourse) -> Row {
        let zone = &self.moment.zone;
        let window = self.moment.own.window(&pause.window);
        let last = pause.extensions.last().and_then(|last| last.expected_return_at.as_ref());
        let flags: Vec<_> = pause.flags().collect();
        let cells = vec![
            Cell::text(&pause.person_id),
            Cell::text(&pause.window),
            Cell::text(window.map(|window| window.number.as_str()).unwrap_or_default()),
            Cell::word(words::subject(pause.subject()), pause.subject().as_str_name()),
            Cell::word(words::reason(pause.reason()), pause.reason().as_str_name()),
            Cell::instant(pause.started_at.as_ref(), zone),
            Cell::instant(pause.expected_return_at.as_ref(), zone),
            Cell::instant(last.or(pause.expected_return_at.as_ref()), zone),
            Cell::count(u64::try_from(pause.extensions.len()).unwrap_or(u64::MAX)),
            Cell::instant(pause.ended_at.as_ref(), zone),
            Cell::word(words::end_mode(pause.end_mode()), pause.end_mode().as_str_name()),
            Cell::count(self.minutes(course)),
            Cell::count(pause.overdue_minutes),
            Cell::word(words::classification(pause.classification()), pause.classification().as_str_name()),
            Cell::yes(pause.sign_displayed),
            Cell::word(words::sign_mode(pause.sign_mode()), pause.sign_mode().as_str_name()),
            self.guidance(&pause.guidance),
            Cell::word(
                flags.iter().map(|flag| words::duty_flag(*flag)).collect::<Vec<_>>().join("、"),
                flags.iter().map(|flag| flag.as_str_name()).collect::<Vec<_>>().join(","),
            ),
            Cell::word(words::decision(pause.decision()), pause.decision().as_str_name()),
            Cell::text(&pause.decided_by),
            Cell::entry(Some(pause.pause)),
        ];
        Row { person_id: pause.person_id.clone(), cells, message: pause.encode_to_vec() }
    }

    /// How long it was, to the nearest minute as the report of duty counts it; of one that is not over, until the moment.
    fn minutes(&self, course: &PauseCourse) -> u64 {
        let now = self.moment.recorded;
        let until = course.ended.map_or(now, |(ended, _)| ended.min(now));
        nearest_minutes(until.since(course.begins).max(0))
    }

    /// People read the numbers of windows, the digest has their codes.
    fn guidance(&self, guidance: &[Guidance]) -> Cell {
        let number = |code: &String| {
            let known = self.moment.own.window(code).map(|window| window.number.clone());
            known.filter(|number| !number.is_empty()).unwrap_or_else(|| code.clone())
        };
        let shown = guidance.iter().map(|told| match told.kind() {
            Kind::Redirect => {
                format!(
                    "{} {}",
                    words::guidance(told.kind()),
                    told.windows.iter().map(number).collect::<Vec<_>>().join("、")
                )
            }
            Kind::Unspecified | Kind::BPost | Kind::ReturnTime => words::guidance(told.kind()).to_owned(),
        });
        let canon = guidance.iter().map(|told| {
            let names = [told.windows.join("/"), told.person_id.clone()].concat();
            format!("{}:{names}", told.kind().as_str_name())
        });
        Cell::word(shown.collect::<Vec<_>>().join("；"), canon.collect::<Vec<_>>().join(","))
    }
}
