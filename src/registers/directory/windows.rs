//! Windows as citizens look for one: by what they serve, in the order of their numbers. Pure.

use std::collections::HashMap;

use crate::proto::Window;
use crate::proto::window::Kind;

/// The windows of a centre that are not retired.
#[derive(Debug, Clone, Default)]
pub struct Windows {
    /// In the order of their numbers.
    all: Vec<Window>,
    /// Places of all of them.
    places: Vec<usize>,
    /// Places of those that serve an item, by item.
    by_item: HashMap<String, Vec<usize>>,
    /// Places of those for everything.
    general: Vec<usize>,
}

impl Windows {
    /// Puts windows in order.
    pub fn of<'a>(windows: impl IntoIterator<Item = &'a Window>) -> Self {
        let mut all: Vec<&Window> = windows.into_iter().collect();
        all.sort_by_cached_key(|window| in_order(window));
        let all: Vec<Window> = all.into_iter().cloned().collect();
        let mut by_item: HashMap<String, Vec<usize>> = HashMap::new();
        for item in all.iter().flat_map(|window| &window.items) {
            by_item.entry(item.clone()).or_default();
        }
        let place_of = |serves: &dyn Fn(&Window) -> bool| {
            all.iter().enumerate().filter(|(_, window)| serves(window)).map(|(place, _)| place).collect()
        };
        for (item, places) in &mut by_item {
            *places = place_of(&|window| serves_item(window, item));
        }
        let general = place_of(&|window| window.kind() == Kind::General);
        let places = (0..all.len()).collect();
        Self { all, places, by_item, general }
    }

    /// Those that serve all of some items, in the order of their numbers.
    pub fn serving<'a>(&'a self, items: &[impl AsRef<str>]) -> impl Iterator<Item = &'a Window> {
        let places = match items.first() {
            None => &self.places,
            Some(first) => self.by_item.get(first.as_ref()).unwrap_or(&self.general),
        };
        let found = places.iter().filter_map(|place| self.all.get(*place));
        found.filter(|window| serves(window, items))
    }
}

/// Does a window serve all of some items? One for everything (综合) serves everything.
pub fn serves(window: &Window, items: &[impl AsRef<str>]) -> bool {
    items.iter().all(|item| serves_item(window, item.as_ref()))
}

/// Does a window serve an item?
pub fn serves_item(window: &Window, item: &str) -> bool {
    window.kind() == Kind::General || window.items.iter().any(|own| own == item)
}

/// The order of windows: `3` comes before `12`; what has no number comes last.
pub fn in_order(window: &Window) -> (u64, &str, &str) {
    let digits = window.number.chars().filter_map(|digit| digit.to_digit(10).map(u64::from));
    let number = digits.map(Some).reduce(|number, digit| number?.checked_mul(10)?.checked_add(digit?));
    (number.flatten().unwrap_or(u64::MAX), &window.number, &window.window)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_by_items_is_what_serves_them_in_the_order_of_numbers() {
        let window = |number: &str, kind: Kind, items: &[&str]| Window {
            window: format!("w{number}"),
            number: number.to_owned(),
            kind: kind.into(),
            items: items.iter().copied().map(str::to_owned).collect(),
            ..Window::default()
        };
        let all = [
            window("12", Kind::Specialised, &["title"]),
            window("3", Kind::Specialised, &["title", "mortgage"]),
            window("A", Kind::Specialised, &["mortgage"]),
            window("7", Kind::General, &[]),
            window("5", Kind::Specialised, &[]),
        ];
        let windows = Windows::of(&all);
        let found = |items: &[&str]| {
            let found: Vec<String> = windows.serving(items).map(|window| window.number.clone()).collect();
            let mut wanted: Vec<&Window> = all.iter().filter(|window| serves(window, items)).collect();
            wanted.sort_by_key(|window| in_order(window));
            assert!(wanted.into_iter().map(|window| &window.number).eq(&found), "{items:?}");
            found.join(" ")
        };
        assert_eq!(found(&["title"]), "3 7 12");
        assert_eq!(found(&["mortgage"]), "3 7 A");
        assert_eq!(found(&["mortgage", "title"]), "3 7");
        assert_eq!(found(&["title", "mortgage"]), "3 7");
        assert_eq!(found(&["pension"]), "7");
        assert_eq!(found(&["title", "pension"]), "7");
        assert_eq!(found(&[]), "3 5 7 12 A");
    }
}
