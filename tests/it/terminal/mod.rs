//! The terminal at a window, `qinlian terminal`, as a process of its own before a real server: a day by script, a start without
//! a network, and the network cut and the terminal killed at every message.

mod cuts;
mod days;
mod judge;
mod keyboard;
mod place;
mod process;
mod proxy;
