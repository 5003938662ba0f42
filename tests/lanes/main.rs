//! Lanes, failure bursts and tools at work. The acceptance tests of the in-flight ledger carry
//! their number in their name (`a01_…` to `a23_…`).

mod burst;
mod caps;
mod folders;
mod follow;
mod guard;
mod hooks;
mod pointer;
mod reconcile;
mod repeat;
mod run;
mod skips;
mod steps;
mod support;
mod tool;
mod verbs;
mod words;
mod workers;
mod wrapper;
