//! A figure as its keeper tells it, in words that a table can hold.

use qinlian::kernel::{Figures, Series, Value};

/// One series of a figure, by the value of its label (empty: it has none): a number, or `count, sum` of a spread.
pub(crate) fn told(keeper: &dyn Figures, name: &str, label: &str) -> String {
    let figure = keeper.figures().into_iter().find(|figure| figure.name == name).expect("it is told");
    let of_label = |series: &Series| series.labels.iter().all(|(_, value)| value == label);
    match figure.series.into_iter().find(of_label).expect("a series").value {
        Value::Count(count) => count.to_string(),
        Value::Level(level) => level.to_string(),
        Value::Spread { count, sum, .. } => format!("{count}, {sum}"),
    }
}
