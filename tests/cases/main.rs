//! The acceptance cases of the rule set that speak of deciding, one test each; a test's name begins
//! with the case's id. `as_` and `um_` run under `Rules::seed()`, `new_` under both rule sets.

mod a1_rates;
mod a2_formulas;
mod a3_choosing;
mod a4_leaving;
mod audit;
mod b1_ticks;
mod b2_gates;
mod b3_polling;
mod edges;
mod fixture;
mod life;
mod lives;
mod marks;
mod new;
mod perturbed;
mod properties;
mod refuge;
mod switches;
mod words;
