//! The board as HTML: readable across a hall, on a phone and by a screen reader. States are told by words and by shape,
//! never by colour alone; all text stands on its ground with a contrast of at least 7 (WCAG 2.2).

use askama::Template;

/// The page's style.
pub(super) const STYLE: &str = include_str!("board.css");
/// The page's script: asks for the page again every two seconds, puts in what is new, and says so when nobody answers.
pub(super) const SCRIPT: &str = include_str!("board.js");

/// A window of the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Card {
    pub(super) number: String,
    /// A class of the style, and what a screen reader says of the shape.
    pub(super) state: &'static str,
    pub(super) shape: &'static str,
    pub(super) state_zh: &'static str,
    pub(super) state_en: &'static str,
    pub(super) zh: String,
    pub(super) en: String,
    /// It serves everything, and names nothing: a card without a word would say that it serves nobody.
    pub(super) any: bool,
    pub(super) items: Vec<String>,
}

/// The page.
#[derive(Debug, Template)]
#[template(
    ext = "html",
    source = r#"<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ name }} 窗口状态 Windows</title>
{% if !replay %}<noscript><meta http-equiv="refresh" content="15"></noscript>{% endif %}
<style>{{ style|safe }}</style>
</head>
<body{% if replay %} data-replay{% endif %}>
<header>
<h1>{{ name }}<small>窗口状态 <span lang="en">Windows</span></small></h1>
<p class="clock">{% if replay %}<strong>回放 <span lang="en">Replay</span></strong> {{ day }} {% endif %}截至 <span lang="en">As of</span> <time>{{ time }}</time></p>
<p class="lost" role="alert" hidden>连接中断，以下为 <b></b> 的状态 <span lang="en">Connection lost. This is how it was then.</span></p>
</header>
<main aria-live="polite" aria-atomic="false">
{% if cards.is_empty() %}<p class="none">没有窗口 <span lang="en">No windows.</span></p>{% endif %}
<ul>
{% for card in cards %}<li class="{{ card.state }}">
<h2><span class="number">{{ card.number }}</span><span class="word">号窗口 <span lang="en">Window</span></span></h2>
<p class="state"><span class="shape" aria-hidden="true">{{ card.shape }}</span>{{ card.state_zh }} <span lang="en">{{ card.state_en }}</span></p>
<p class="say">{{ card.zh }}</p>
<p class="say" lang="en">{{ card.en }}</p>
{% if card.any %}<p class="items">各类事项 <span lang="en">Any service</span></p>{% endif %}
{% if !card.items.is_empty() %}<p class="items">{{ card.items.join(" · ") }}</p>{% endif %}
</li>
{% endfor %}</ul>
</main>
<footer>
<form method="get"><label>事项 <span lang="en">Service</span> <select name="item"><option value="">全部 All</option>{% for item in items %}<option value="{{ item.0 }}"{% if item.0 == chosen %} selected{% endif %}>{{ item.1 }}</option>{% endfor %}</select></label> {% if replay %}<input type="hidden" name="at" value="{{ at }}">{% endif %}<button>查询 <span lang="en">Show</span></button></form>
<p class="proof">{{ qr|safe }}<a href="{{ replay_link }}">此刻的记录 <span lang="en">This minute, for the record</span></a>{% if replay %} <a href="{{ proof_link }}">证明 <span lang="en">Proof</span></a> <a href="{{ live_link }}">现在 <span lang="en">Now</span></a>{% endif %}</p>
</footer>
<script>{{ script|safe }}</script>
</body>
</html>
"#
)]
pub(super) struct Page {
    pub(super) name: String,
    pub(super) day: String,
    pub(super) time: String,
    pub(super) replay: bool,
    pub(super) cards: Vec<Card>,
    /// Code and name.
    pub(super) items: Vec<(String, String)>,
    pub(super) chosen: String,
    pub(super) at: String,
    pub(super) replay_link: String,
    pub(super) proof_link: String,
    pub(super) live_link: String,
    /// An SVG of ours.
    pub(super) qr: String,
    pub(super) style: &'static str,
    pub(super) script: &'static str,
}

/// The page of a centre that is not there.
#[derive(Debug, Template)]
#[template(
    ext = "html",
    source = r#"<!DOCTYPE html>
<html lang="zh-CN">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>没有这个页面 Not found</title><style>{{ style|safe }}</style></head>
<body><main><p class="none">{{ zh }} <span lang="en">{{ en }}</span></p></main></body>
</html>
"#
)]
pub(super) struct Notice {
    pub(super) zh: &'static str,
    pub(super) en: &'static str,
    pub(super) style: &'static str,
}
