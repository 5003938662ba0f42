//! The fault harness: one swap, disturbed at every system call in every way we know.
//!
//! `crash [--all]` ends with one line of JSON. Without `--all` every n-th case is tried, within a
//! minute.

mod child;
mod full;
mod power;
mod race;
mod scene;
mod store;
mod trace;
mod verdict;
mod watch;

use scene::{Scene, Start};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use trace::{End, Fault, Point, Tracer};
use verdict::Tally;

/// Failures of a file system that calls report.
const ERRNOS: [&str; 8] =
    ["ENOSPC", "EIO", "EACCES", "EROFS", "EMFILE", "EDQUOT", "EINTR", "ETXTBSY"];

/// Calls that the standard library repeats without end when they are interrupted: the harness's own
/// store and journal use it. Interruptions without end are tried at every other call.
const REPEATED: [&str; 7] = ["open", "openat", "read", "write", "fsync", "fdatasync", "statx"];

/// What is needed to try cases of one start state.
pub struct Ground<'a> {
    tracer: &'a Tracer,
    tally: &'a Tally,
    start: Start,
    /// The start state, never changed.
    base: Scene,
    /// Calls of an undisturbed swap.
    points: Vec<Point>,
    /// The raw log of it.
    log: String,
    work: PathBuf,
}

impl Ground<'_> {
    /// A fresh copy of the start state under a name of its own.
    fn fresh(&self, name: &str) -> Scene {
        let dir = self.work.join(format!("{}-{name}", self.start.name()));
        self.base.copy_to(&dir)
    }
}

fn discard(scene: &Scene) {
    drop(std::fs::remove_dir_all(&scene.dir));
}

/// Every `step`-th of `items`, on two threads.
fn each<T: Sync>(items: &[T], step: usize, work: impl Fn(usize, &T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(step, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    work(index, item);
                }
            });
        }
    });
}

/// `kill -9` before every call of a swap, then a start.
fn kills(ground: &Ground<'_>, step: usize) {
    each(&ground.points, step, |index, point| {
        let scene = ground.fresh(&format!("kill-{index}"));
        let story = format!("{:?}, killed before {} {}", ground.start, point.call, point.nth);
        if ground.tracer.run(&scene.dir, "swap", point, Fault::Kill) != End::Killed {
            return ground.tally.breach("missed", &story);
        }
        ground.tally.count("kill_points");
        verdict::check_instant(&scene, ground.start, ground.tally, &story);
        verdict::check_private(&scene, ground.tally, &story);
        ground.tracer.plainly(&scene.dir, "recover");
        verdict::check_instant(&scene, ground.start, ground.tally, &story);
        verdict::check_private(&scene, ground.tally, &story);
        verdict::check_settled(&scene, ground.tally, &story);
        verdict::check_named(&scene, ground.tally, &story);
        discard(&scene);
    });
}

/// `kill -9` before a call of a swap, then before every call of the recovery, then a start.
fn double_kills(ground: &Ground<'_>, step: usize, step_inner: usize) {
    each(&ground.points, step, |index, point| {
        let killed = ground.fresh(&format!("once-{index}"));
        ground.tracer.run(&killed.dir, "swap", point, Fault::Kill);
        if killed.open_intents() == 0 {
            return discard(&killed);
        }
        let listed = killed.copy_to(&ground.work.join(format!("listed-{index}")));
        let log = ground.work.join(format!("log-{index}"));
        let (recovery, _) = ground.tracer.list(&listed.dir, "recover", &log);
        discard(&listed);
        for (inner, second) in
            recovery.iter().enumerate().skip(index % step_inner).step_by(step_inner)
        {
            let scene = killed.copy_to(&ground.work.join(format!("twice-{index}-{inner}")));
            let story = format!(
                "{:?}, killed before {} {}, recovery killed before {} {}",
                ground.start, point.call, point.nth, second.call, second.nth
            );
            if ground.tracer.run(&scene.dir, "recover", second, Fault::Kill) != End::Killed {
                // Its calls depend on the order a directory is listed in.
                ground.tally.count("unreached");
                continue;
            }
            ground.tally.count("double_kills");
            verdict::check_instant(&scene, ground.start, ground.tally, &story);
            verdict::check_private(&scene, ground.tally, &story);
            ground.tracer.plainly(&scene.dir, "recover");
            verdict::check_instant(&scene, ground.start, ground.tally, &story);
            verdict::check_private(&scene, ground.tally, &story);
            verdict::check_settled(&scene, ground.tally, &story);
            verdict::check_named(&scene, ground.tally, &story);
            discard(&scene);
        }
        drop(std::fs::remove_file(&log));
        discard(&killed);
    });
}

/// Every errno at every call, once and from there on, then a start without faults.
fn errnos(ground: &Ground<'_>, step: usize) {
    let fates = ERRNOS.iter().flat_map(|errno| [(*errno, true), (*errno, false)]);
    let fates: Vec<_> = fates.collect();
    let cases: Vec<(&Point, &str, bool)> = ground
        .points
        .iter()
        .flat_map(|point| fates.iter().map(move |(errno, once)| (point, *errno, *once)))
        .filter(|(point, errno, once)| {
            *once || *errno != "EINTR" || !REPEATED.contains(&&*point.call)
        })
        .collect();
    each(&cases, step, |index, (point, errno, once)| {
        let scene = ground.fresh(&format!("errno-{index}"));
        let fault = if *once { Fault::Once(errno) } else { Fault::From(errno) };
        let story = format!("{:?}, {} {} {fault:?}", ground.start, point.call, point.nth);
        if ground.tracer.run(&scene.dir, "swap", point, fault) != End::Exited {
            ground.tally.breach("hangs", &story);
        }
        ground.tally.count("errno_cases");
        verdict::check_instant(&scene, ground.start, ground.tally, &story);
        verdict::check_private(&scene, ground.tally, &story);
        ground.tracer.plainly(&scene.dir, "recover");
        verdict::check_instant(&scene, ground.start, ground.tally, &story);
        verdict::check_private(&scene, ground.tally, &story);
        verdict::check_settled(&scene, ground.tally, &story);
        verdict::check_named(&scene, ground.tally, &story);
        discard(&scene);
    });
}

/// Where scenes are played: in memory if there is such a place, else on disk.
fn playground() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
    let dir = parent.join(format!("sluice-crash-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("playground");
    dir
}

/// Every how many-th case is tried: in the main start state of a full run, in its others, and in
/// the short form.
fn step_of(all: bool, main: bool, [full, others, short]: [usize; 3]) -> usize {
    match (all, main) {
        (true, true) => full,
        (true, false) => others,
        (false, _) => short,
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [mark, dir, what] = &args[..]
        && mark == trace::CHILD
    {
        return child::run(dir, what);
    }
    let all = std::env::args().any(|arg| arg == "--all");
    let only: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let wanted = |what: &str| only.is_empty() || only.iter().any(|arg| arg == what);
    let (tracer, tally, work) =
        (Tracer::new(std::env::current_exe().expect("own path")), Tally::default(), playground());
    for (index, start) in Start::ALL.into_iter().enumerate() {
        let base = Scene::build(&work.join(format!("base-{}", start.name())), start);
        let listed = base.copy_to(&work.join("listed"));
        let (points, log) = tracer.list(&listed.dir, "swap", &work.join("log"));
        discard(&listed);
        let (tracer, tally, work) = (&tracer, &tally, work.clone());
        let ground = Ground { tracer, tally, start, base, points, log, work };
        // Sampled runs look at other cases in each start state.
        let (few, main) = (if all { 1 } else { 23 }, index == 0);
        let begun = std::time::Instant::now();
        let said = |what: &str| {
            eprintln!("{start:?}: {what} {:.1} s", begun.elapsed().as_secs_f64());
        };
        if wanted("kill") {
            kills(&ground, few);
            said("kills");
        }
        if wanted("double") && start.is_occupied() {
            let outer = step_of(all, main, [1, 11, 17]);
            double_kills(&ground, outer, step_of(all, main, [3, 11, 13]));
            said("double kills");
        }
        if wanted("errno") {
            errnos(&ground, step_of(all, main, [3, 17, 211]));
            said("errnos");
        }
        if wanted("race") && start.is_occupied() {
            race::races(&ground, step_of(all, main, [1, 7, 37]));
            said("races");
        }
        if wanted("full") {
            full::disks(&ground, step_of(all, main, [1, 1, 2]));
            said("full disks");
        }
        if wanted("power") {
            power::states(&ground, all);
            said("power states");
        }
    }
    if wanted("watch") {
        watch::rounds(&work, if all { 12 } else { 3 }, &tally);
    }
    drop(std::fs::remove_dir_all(&work));
    report(&tally);
}

fn report(tally: &Tally) {
    for story in tally.stories() {
        eprintln!("{story}");
    }
    let number = |what: &str| serde_json::Value::from(tally.of(what));
    let mut line = serde_json::Map::new();
    line.insert("schema".into(), "sluice/crash/1".into());
    for what in [
        "kill_points",
        "double_kills",
        "errno_cases",
        "race_points",
        "power_states",
        "power_combinations",
        "full_cases",
        "full_refused",
        "full_unmounted",
        "torn",
        "lost_tokens",
        "exposed",
        "open_intents",
        "locks",
        "misnamed",
        "missed",
        "unreached",
        "unresumed",
        "hangs",
        "stub_unwatched_lost",
        "stub_watched_lost",
        "live_rounds",
        "live_unbuilt",
        "stub_live_unwatched_lost",
        "stub_live_watched_lost",
    ] {
        line.insert(what.into(), number(what));
    }
    line.insert("watch_gap_ms".into(), watch::GAP_MS.into());
    println!("{}", serde_json::Value::Object(line));
    let breaches = [
        "torn",
        "lost_tokens",
        "exposed",
        "open_intents",
        "locks",
        "misnamed",
        "missed",
        "unresumed",
        "hangs",
        "stub_watched_lost",
        "stub_live_watched_lost",
    ];
    if breaches.iter().any(|what| tally.of(what) > 0) {
        std::process::exit(1);
    }
}
