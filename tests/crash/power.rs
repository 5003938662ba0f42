//! Power loss: every state the disk may be in between two fsyncs, from the log of one swap.
//!
//! The log of an undisturbed swap is read as a list of operations on the tool's files. A name
//! (made, moved, removed) is durable once its directory was synced, content once its file was; at
//! every moment each operation that is not durable yet may be on the disk or missing, and pending
//! content may be half there. The keychain and the journal are other programs' business here: what
//! they were told is durable when they have answered; but rows that the journal did not sync (steps)
//! may be missing, the newest first.

use crate::scene::{Scene, Start};
use crate::trace::{name_of, unescape};
use crate::{Ground, discard, each, verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Operations that may be pending together before combinations are sampled.
const PENDING_MAX: usize = 14;
/// Sampled combinations where more are pending.
const SAMPLES: usize = 400;

/// One thing that lies under a name; files by number, as their content has a life of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    File(usize),
    Dir,
    Link(PathBuf),
}

/// A disk: names, and the content of each file.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Disk {
    names: BTreeMap<PathBuf, Node>,
    contents: BTreeMap<usize, Vec<u8>>,
}

#[derive(Clone, Debug)]
enum Op {
    Create(PathBuf, usize),
    Write(usize, Vec<u8>),
    MakeDir(PathBuf),
    Rename(PathBuf, PathBuf),
    Exchange(PathBuf, PathBuf),
    Remove(PathBuf),
    SyncFile(usize),
    SyncDir(PathBuf),
}

/// A call as the log has it, before it is known which file a path means at that moment.
enum Call {
    Create(PathBuf),
    Write(PathBuf, Vec<u8>),
    Sync(PathBuf),
    Names(Op),
}

/// How much of a pending operation is on the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Missing,
    Half,
    Done,
}

fn strings(line: &str) -> Vec<PathBuf> {
    line.split('"')
        .skip(1)
        .step_by(2)
        .map(|text| PathBuf::from(String::from_utf8_lossy(&unescape(text.as_bytes())).into_owned()))
        .collect()
}

/// Paths of descriptors (`6</a/b>`), in order.
fn descriptors(line: &str) -> Vec<PathBuf> {
    line.split('<')
        .skip(1)
        .filter_map(|rest| rest.split('>').next())
        .map(|text| PathBuf::from(String::from_utf8_lossy(&unescape(text.as_bytes())).into_owned()))
        .collect()
}

/// The call of one line of the log that succeeded.
fn call(line: &str) -> Option<Call> {
    let result = line.rsplit(" = ").next()?;
    (!result.starts_with('-') && !result.starts_with('?')).then_some(())?;
    let (names, dirs) = (strings(line), descriptors(line));
    let joined = |index: usize| {
        let name = names.get(index)?;
        Some(if name.is_absolute() { name.clone() } else { dirs.get(index)?.join(name) })
    };
    match name_of(line)? {
        "open" | "openat" if line.contains("O_CREAT") => Some(Call::Create(dirs.last()?.clone())),
        "write" => {
            let quoted = line.split('"').nth(1)?;
            Some(Call::Write(dirs.first()?.clone(), unescape(quoted.as_bytes())))
        }
        "fsync" | "fdatasync" => Some(Call::Sync(dirs.first()?.clone())),
        "rename" | "renameat" => Some(Call::Names(Op::Rename(joined(0)?, joined(1)?))),
        "renameat2" if line.contains("RENAME_EXCHANGE") => {
            Some(Call::Names(Op::Exchange(joined(0)?, joined(1)?)))
        }
        "renameat2" => Some(Call::Names(Op::Rename(joined(0)?, joined(1)?))),
        "mkdir" | "mkdirat" => Some(Call::Names(Op::MakeDir(joined(0)?))),
        "unlink" | "unlinkat" | "rmdir" => Some(Call::Names(Op::Remove(joined(0)?))),
        _ => None,
    }
}

/// What must be synced for an operation to be durable.
#[derive(PartialEq, Eq)]
enum Awaits {
    Dir(PathBuf),
    File(usize),
    Nothing,
}

impl Op {
    fn awaits(&self) -> Awaits {
        let parent =
            |path: &Path| path.parent().map_or(Awaits::Nothing, |dir| Awaits::Dir(dir.into()));
        match self {
            Self::Create(path, _) | Self::MakeDir(path) | Self::Remove(path) => parent(path),
            Self::Rename(_, to) | Self::Exchange(_, to) => parent(to),
            Self::Write(file, _) => Awaits::File(*file),
            Self::SyncFile(_) | Self::SyncDir(_) => Awaits::Nothing,
        }
    }

    fn apply(&self, disk: &mut Disk, fate: Fate) {
        if fate == Fate::Missing {
            return;
        }
        let names = &mut disk.names;
        match self {
            Self::Create(path, file) => {
                names.entry(path.clone()).or_insert(Node::File(*file));
            }
            Self::MakeDir(path) => {
                names.entry(path.clone()).or_insert(Node::Dir);
            }
            Self::Write(file, bytes) => {
                let count = if fate == Fate::Half { bytes.len() / 2 } else { bytes.len() };
                disk.contents.entry(*file).or_default().extend_from_slice(&bytes[..count]);
            }
            Self::Rename(from, to) => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
            Self::Exchange(a, b) => {
                if let (Some(x), Some(y)) = (names.get(a).cloned(), names.get(b).cloned()) {
                    names.insert(a.clone(), y);
                    names.insert(b.clone(), x);
                }
            }
            Self::Remove(path) => {
                names.remove(path);
            }
            Self::SyncFile(_) | Self::SyncDir(_) => {}
        }
    }
}

impl Disk {
    /// The operation a call is, on a disk where everything before it has happened.
    fn resolve(&self, call: Call) -> Option<Op> {
        let file = |path: &Path| match self.names.get(path) {
            Some(Node::File(file)) => Some(*file),
            Some(Node::Dir | Node::Link(_)) | None => None,
        };
        match call {
            Call::Create(path) => match file(&path) {
                Some(_) => None,
                None => {
                    let new = self.contents.keys().next_back().map_or(0, |last| last + 1);
                    Some(Op::Create(path, new))
                }
            },
            Call::Write(path, bytes) => Some(Op::Write(file(&path)?, bytes)),
            Call::Sync(path) => match file(&path) {
                Some(file) => Some(Op::SyncFile(file)),
                None => Some(Op::SyncDir(path)),
            },
            Call::Names(op) => Some(op),
        }
    }
}

fn photograph(dir: &Path, disk: &mut Disk, from: &Path, to: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().expect("kind"));
        let name = to.join(path.strip_prefix(from).expect("inside"));
        if kind.is_dir() {
            disk.names.insert(name, Node::Dir);
            photograph(&path, disk, from, to);
        } else if kind.is_symlink() {
            disk.names.insert(name, Node::Link(fs::read_link(&path).expect("link")));
        } else {
            let number = disk.contents.len();
            disk.contents.insert(number, fs::read(&path).expect("file"));
            disk.names.insert(name, Node::File(number));
        }
    }
}

fn develop(scene: &Scene, origin: &Path, disk: &Disk) {
    for part in ["home", "store", "journal"] {
        drop(fs::remove_dir_all(scene.dir.join(part)));
        drop(fs::remove_file(scene.dir.join(part)));
    }
    for dir in ["home", "store"] {
        fs::create_dir_all(scene.dir.join(dir)).expect("dir");
    }
    let then = SystemTime::now() - Duration::from_secs(90);
    for (path, node) in &disk.names {
        let Ok(inside) = path.strip_prefix(origin) else { continue };
        let target = scene.dir.join(inside);
        match node {
            Node::Dir => {
                fs::create_dir_all(&target).expect("dir");
                fs::File::open(&target).expect("dir").set_modified(then).expect("mtime");
            }
            Node::Link(to) => std::os::unix::fs::symlink(to, &target).expect("link"),
            Node::File(file) => {
                fs::write(&target, disk.contents.get(file).map_or(&[][..], Vec::as_slice))
                    .expect("file");
                let file = fs::File::options().append(true).open(&target).expect("open");
                file.set_modified(then).expect("mtime");
            }
        }
    }
}

/// Every combination of fates, or a fair sample where there are too many.
fn combinations(pending: &[&Op], seed: u64) -> Vec<Vec<Fate>> {
    let choices = |op: &Op| match op {
        Op::Write(..) => vec![Fate::Missing, Fate::Half, Fate::Done],
        _ => vec![Fate::Missing, Fate::Done],
    };
    if pending.len() <= PENDING_MAX {
        return pending.iter().fold(vec![Vec::new()], |lists, op| {
            let extended = |list: &Vec<Fate>| {
                choices(op)
                    .into_iter()
                    .map(|fate| list.iter().copied().chain([fate]).collect())
                    .collect::<Vec<Vec<Fate>>>()
            };
            lists.iter().flat_map(extended).collect()
        });
    }
    let mut random = seed | 1;
    let mut toss = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    (0..SAMPLES)
        .map(|_| {
            pending
                .iter()
                .map(|op| {
                    let fates = choices(op);
                    fates[usize::try_from(toss() % fates.len() as u64).unwrap_or_default()]
                })
                .collect()
        })
        .collect()
}

/// The operations of an undisturbed swap, in order.
fn operations(ground: &Ground<'_>, origin: &Path, base: &Disk) -> Vec<Op> {
    let (mut now, mut ops) = (base.clone(), Vec::new());
    let begun = ground
        .log
        .lines()
        .skip_while(|line| !crate::trace::decoded(line).contains(crate::child::BEGIN));
    for call in begun.filter_map(call) {
        let Some(op) = now.resolve(call) else { continue };
        if let Op::Create(_, file) = &op {
            now.contents.insert(*file, Vec::new());
        }
        op.apply(&mut now, Fate::Done);
        ops.push(op);
    }
    let seat = origin.join("home");
    assert!(
        ops.iter()
            .any(|op| matches!(op, Op::Exchange(a, _) | Op::Rename(a, _) if a.starts_with(&seat))),
        "the log holds no swap"
    );
    ops
}

/// Whether the operation is the keychain's or the journal's business.
fn is_elsewhere(op: &Op, origin: &Path, elsewhere: &mut BTreeSet<usize>) -> bool {
    let seat = origin.join("home");
    match op {
        Op::Create(path, file) => {
            let outside = !path.starts_with(&seat);
            if outside {
                elsewhere.insert(*file);
            }
            outside
        }
        Op::Write(file, _) => elsewhere.contains(file),
        Op::MakeDir(path) | Op::Remove(path) | Op::Rename(path, _) | Op::Exchange(path, _) => {
            !path.starts_with(&seat)
        }
        Op::SyncFile(_) | Op::SyncDir(_) => false,
    }
}

/// The journal's bytes on a disk.
fn journal_of<'a>(disk: &'a Disk, journal: &Path) -> Option<(usize, &'a [u8])> {
    let Some(Node::File(file)) = disk.names.get(journal) else { return None };
    disk.contents.get(file).map(|bytes| (*file, bytes.as_slice()))
}

/// The same disk with each beginning of the journal that ends with a row and holds at least the
/// `synced` bytes; with the longest and the shortest only, unless `every` one is wanted.
fn forgetful(disk: Disk, journal: &Path, synced: usize, every: bool) -> Vec<Disk> {
    let Some((file, bytes)) = journal_of(&disk, journal) else { return vec![disk] };
    let row_ends = |end: &usize| *end == synced || bytes[..*end].ends_with(b"}\n");
    let mut ends: Vec<usize> = (synced..=bytes.len()).filter(row_ends).collect();
    if !every && ends.len() > 2 {
        ends.drain(1..ends.len() - 1);
    }
    let cut = |end: usize| {
        let mut cut = disk.clone();
        cut.contents.entry(file).and_modify(|bytes| bytes.truncate(end));
        cut
    };
    ends.into_iter().map(cut).collect()
}

/// Replays the log of an undisturbed swap with everything unsynced present or missing.
pub fn states(ground: &Ground<'_>, all: bool) {
    let origin = ground.work.join("listed");
    let mut durable = Disk::default();
    photograph(&ground.base.dir, &mut durable, &ground.base.dir, &origin);
    let ops = operations(ground, &origin, &durable);
    let (mut disks, mut pending) = (BTreeSet::new(), Vec::<Op>::new());
    let mut elsewhere: BTreeSet<usize> = BTreeSet::new();
    let (journal, mut synced_rows) = (origin.join("journal"), 0);
    for (index, op) in ops.iter().enumerate() {
        let synced = match op {
            Op::SyncFile(file) => Awaits::File(*file),
            Op::SyncDir(dir) => Awaits::Dir(dir.clone()),
            _ => Awaits::Nothing,
        };
        let rows = journal_of(&durable, &journal);
        if let (Some((number, rows)), Op::SyncFile(file)) = (rows, op)
            && number == *file
        {
            synced_rows = rows.len();
        }
        if synced != Awaits::Nothing {
            let (done, left): (Vec<Op>, Vec<Op>) =
                pending.into_iter().partition(|op| op.awaits() == synced);
            done.iter().for_each(|op| op.apply(&mut durable, Fate::Done));
            pending = left;
        } else if is_elsewhere(op, &origin, &mut elsewhere) {
            op.apply(&mut durable, Fate::Done);
        } else {
            pending.push(op.clone());
        }
        let waiting: Vec<&Op> = pending.iter().collect();
        for fates in combinations(&waiting, index as u64 + 88_172_645_463_325_252) {
            let mut disk = durable.clone();
            waiting.iter().zip(fates).for_each(|(op, fate)| op.apply(&mut disk, fate));
            let every = ground.start == Start::ALL[0];
            disks.extend(forgetful(disk, &journal, synced_rows, every));
            ground.tally.count("power_combinations");
        }
    }
    let disks: Vec<Disk> = disks.into_iter().collect();
    let step = if all { 1 } else { disks.len().div_ceil(40).max(1) };
    each(&disks, step, |index, disk| {
        let scene = ground.fresh(&format!("power-{index}"));
        develop(&scene, &origin, disk);
        scene.move_journal(&origin);
        let story = format!("{:?}, power lost, state {index}", ground.start);
        verdict::check_instant(&scene, ground.start, ground.tally, &story);
        ground.tracer.plainly(&scene.dir, "recover");
        verdict::check_instant(&scene, ground.start, ground.tally, &story);
        // A lock that survives without the mark of its time is stale after a minute; not here.
        verdict::check_closed(&scene, ground.tally, &story);
        verdict::check_named(&scene, ground.tally, &story);
        ground.tally.count("power_states");
        discard(&scene);
    });
}
