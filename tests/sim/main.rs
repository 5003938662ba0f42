//! `sim --years N --seed S`: centuries of the real engine in a world that misbehaves, with a
//! checker for every promise. The last line is one line of JSON; a breach prints the line that
//! replays it.

mod check;
mod faults;
mod real;
mod world;

use check::Breaches;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// What one year came to.
#[derive(Debug, Default)]
struct Year {
    swaps: u64,
    breaches: Breaches,
}

fn main() -> ExitCode {
    let (years, seed) = match arguments() {
        Ok(read) => read,
        Err(word) => {
            eprintln!("sim: {word}; usage: sim --years N --seed S");
            return ExitCode::from(2);
        }
    };
    let began = Instant::now();
    let next = AtomicU64::new(0);
    let total = Mutex::new(Year::default());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let year = next.fetch_add(1, Ordering::Relaxed);
                    if year >= years {
                        return;
                    }
                    let one = world::year(seed.wrapping_add(year));
                    report(seed.wrapping_add(year), &one);
                    let mut total = total.lock().unwrap();
                    total.swaps += one.swaps;
                    total.breaches.add(&one.breaches);
                }
            });
        }
    });
    let total = total.into_inner().unwrap();
    let line = serde_json::json!({
        "schema": "sluice/sim/1",
        "years": years,
        "seed": seed,
        "swaps": total.swaps,
        "breaches": total.breaches.counts,
        "wall_s": (began.elapsed().as_secs_f64() * 10.0).round() / 10.0,
    });
    println!("{line}");
    if total.breaches.any() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn report(seed: u64, year: &Year) {
    if let Some(first) = &year.breaches.first {
        println!("cargo xtask sim --years 1 --seed {seed}  # {first}");
    }
}

fn arguments() -> Result<(u64, u64), String> {
    let (mut years, mut seed) = (10, 1);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let place = match word.as_str() {
            "--years" => &mut years,
            "--seed" => &mut seed,
            other => return Err(format!("what is {other}")),
        };
        let value = words.next().ok_or(format!("{word} needs a number"))?;
        *place = value.parse().map_err(|_| format!("{value} is not a number"))?;
    }
    Ok((years, seed))
}
