//! The kinds of master data, and the columns of each: what a heading may be called, and what the template shows.

/// A kind of master data: a CSV file of its own, or a sheet of the workbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Kind {
    /// Who works here: people, their departments, employee numbers and assignments.
    People,
    /// When there is work.
    Shifts,
    /// Who works when.
    Roster,
    /// The days of a year that a notice sets apart.
    Calendar,
    /// Who is on leave.
    Leave,
}

/// A column.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) struct Column {
    /// Its name: the heading in English.
    pub name: &'static str,
    /// Headings in Chinese; the template writes the first.
    pub zh: &'static [&'static str],
    /// Has every file this column?
    pub need: Need,
    /// What the template shows.
    pub example: &'static str,
}

/// Whether a column has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Need {
    /// Always.
    Always,
    /// Not always.
    Perhaps,
}

const fn always(name: &'static str, zh: &'static [&'static str], example: &'static str) -> Column {
    Column { name, zh, need: Need::Always, example }
}

const fn perhaps(name: &'static str, zh: &'static [&'static str], example: &'static str) -> Column {
    Column { name, zh, need: Need::Perhaps, example }
}

/// A heading that a column of remarks may have: nothing in it is read.
pub(super) const REMARKS: [&str; 4] = ["note", "remark", "备注", ERROR];

/// The heading under which a workbook that comes back says what is wrong.
pub(in crate::cli) const ERROR: &str = "错误";

const PEOPLE: &[Column] = &[
    always("employee_no", &["工号", "人员编号"], "A001"),
    always("name", &["姓名"], "张三"),
    perhaps("department", &["单位", "部门"], "市场监督管理局"),
    perhaps("employment", &["身份", "用工性质"], "事业编"),
    always("from", &["起", "起始日期", "派驻起"], "2026-01-01"),
    perhaps("until", &["止", "终止日期", "派驻止"], ""),
];

const SHIFTS: &[Column] = &[
    always("shift", &["班次", "班次代码"], "day"),
    perhaps("name", &["名称", "班次名称"], "行政班"),
    always("weekdays", &["星期", "工作日"], "1-5"),
    always("spans", &["时段", "上下班时间"], "08:30-12:00;14:00-17:30"),
    perhaps("on_before", &["上班前", "提前分钟"], "60"),
    perhaps("off_after", &["下班后", "延后分钟"], "60"),
    perhaps("from", &["起", "生效日期"], ""),
];

const ROSTER: &[Column] = &[
    always("employee_no", &["工号", "人员编号"], "A001"),
    perhaps("date", &["日期"], ""),
    perhaps("from", &["起", "起始日期"], "2026-01-01"),
    perhaps("until", &["止", "终止日期"], ""),
    always("shift", &["班次", "班次代码"], "day"),
];

const CALENDAR: &[Column] = &[
    always("date", &["日期"], "2026-01-01"),
    always("kind", &["类别", "类型"], "法定节假日"),
    perhaps("as_weekday", &["按星期", "按周几上班"], ""),
];

const LEAVE: &[Column] = &[
    always("employee_no", &["工号", "人员编号"], "A001"),
    always("kind", &["假别", "请假类别"], "年休假"),
    always("from", &["起", "起始日期"], "2026-03-02"),
    always("until", &["止", "终止日期"], "2026-03-04"),
    always("reason", &["事由", "请假事由"], "探亲"),
];

/// What `--help` adds: columns and an example.
pub(in crate::cli) const PEOPLE_HELP: &str =
    "Columns, in any order; a department that is not known is made (docs/imports.md):
  employee_no,name,department,employment,from,until
  工号,姓名,单位,身份,起,止
  A001,张三,市场监督管理局,事业编,2026-01-01,
  qinlian import people people.csv --data ./data --centre hall --dry-run";

/// The same, of shifts.
pub(in crate::cli) const SHIFTS_HELP: &str = "Columns, in any order (docs/imports.md):
  shift,name,weekdays,spans,on_before,off_after,from
  班次,名称,星期,时段,上班前,下班后,起
  day,行政班,1-5,08:30-12:00;14:00-17:30,60,60,
  晚班,,每天,20:00-26:00,,,
  qinlian import shifts shifts.csv --data ./data --centre hall";

/// The same, of rosters.
pub(in crate::cli) const ROSTER_HELP: &str =
    "Columns, in any order; a date, or the first and perhaps a last day (docs/imports.md):
  employee_no,date,shift             工号,日期,班次
  employee_no,from,until,shift       工号,起,止,班次
  A001,2026-01-05,晚班               A001,2026-01-05,,day
  qinlian import roster roster.csv --data ./data --centre hall --encoding gb18030";

/// The same, of leave.
pub(in crate::cli) const LEAVE_HELP: &str =
    "Columns, in any order; a day is the whole of it, or a time of the centre's clocks (docs/imports.md):
  employee_no,kind,from,until,reason           工号,假别,起,止,事由
  A001,ANNUAL,2026-03-02,2026-03-04,leave      A001,病假,2026-03-02 13:30,2026-03-02 17:30,就医
  qinlian import leave leave.csv --data ./data --centre hall --dry-run";

/// The same, of calendars.
pub(in crate::cli) const CALENDAR_HELP: &str =
    "Columns, in any order; all days of one year (docs/imports.md):
  date,kind,as_weekday               日期,类别,按星期
  2026-01-01,STATUTORY_HOLIDAY,      2026-01-04,调休上班,5
  qinlian import calendar 2026.csv --data ./data --centre hall --notice '国办发明电〔2025〕7号'";

impl Kind {
    /// Every kind, in the order in which they are taken: a roster names people and shifts.
    pub(in crate::cli) const ALL: [Self; 5] =
        [Self::People, Self::Shifts, Self::Roster, Self::Calendar, Self::Leave];

    /// What its files are called, for messages.
    pub(in crate::cli) const fn word(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Shifts => "shifts",
            Self::Roster => "roster",
            Self::Calendar => "calendar",
            Self::Leave => "leave",
        }
    }

    /// The name of its sheet.
    pub(in crate::cli) const fn sheet(self) -> &'static str {
        match self {
            Self::People => "人员",
            Self::Shifts => "班次",
            Self::Roster => "排班",
            Self::Calendar => "日历",
            Self::Leave => "请假",
        }
    }

    /// Its columns.
    pub(in crate::cli) const fn columns(self) -> &'static [Column] {
        match self {
            Self::People => PEOPLE,
            Self::Shifts => SHIFTS,
            Self::Roster => ROSTER,
            Self::Calendar => CALENDAR,
            Self::Leave => LEAVE,
        }
    }

    /// Columns of which one has to be there at least.
    pub(super) const fn either(self) -> &'static [&'static str] {
        match self {
            Self::Roster => &["date", "from"],
            Self::People | Self::Shifts | Self::Calendar | Self::Leave => &[],
        }
    }
}
