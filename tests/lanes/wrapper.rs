//! `sluice run` as if it were not there: each case runs a tool alone and under the wrapper, in both of
//! its manners (looked at, and not), and what can be told from outside must be the same.

use crate::tool::{Bench, sluice};
use rustix::process::{Pid, Signal, kill_process};
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How a tool is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Alone,
    Wrapped,
    /// As a run without a person at it, whose output passes through us.
    LookedAt,
}

const WAYS: [Way; 2] = [Way::Wrapped, Way::LookedAt];

/// The words that start `claude` of this bench that way.
fn words(bench: &Bench, way: Way) -> Vec<String> {
    let claude = bench.home.path().join("claude").to_string_lossy().into_owned();
    let run = [sluice().to_string_lossy().into_owned(), "run".into(), "--".into()];
    let wrapper = run.into_iter().filter(|_| way != Way::Alone);
    let mut words: Vec<String> = wrapper.chain([claude]).collect();
    if way != Way::Wrapped {
        words.push("-p".into());
    }
    words
}

/// With every signal as a program finds it that a person starts: `nohup` or a shell's background may
/// have these tests ignore some, and who is started ignoring a signal cannot even trap it.
fn as_started_by_hand(program: &str) -> Command {
    let mut command = Command::new("env");
    command.args(["--default-signal", program]);
    command
}

fn command(bench: &Bench, way: Way) -> Command {
    let words = words(bench, way);
    let mut command = as_started_by_hand(&words[0]);
    command.args(&words[1..]).envs(
        bench
            .command(&[])
            .get_envs()
            .filter_map(|(name, value)| value.map(|value| (name.to_owned(), value.to_owned()))),
    );
    command.env_remove("SLUICE_EXECUTION_ID").env_remove("CLAUDE_CONFIG_DIR");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn end(status: ExitStatus) -> (Option<i32>, Option<i32>) {
    (status.code(), status.signal())
}

/// Runs `shell` with `$TOOL` standing for the words; gives its output.
fn in_shell(bench: &Bench, way: Way, shell: &str) -> String {
    let tool = words(bench, way).join(" ");
    let mut command = as_started_by_hand("bash");
    command.args(["-c", &shell.replace("$TOOL", &tool)]);
    command.env("SLUICE_HOME", bench.data()).env("HOME", bench.home.path());
    command.env_remove("SLUICE_EXECUTION_ID").env_remove("CLAUDE_CONFIG_DIR");
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn it_ends_as_its_tool_ends() {
    let bench = Bench::new(1);
    for script in ["exit 0", "exit 7", "exit 255"].map(str::to_owned).into_iter().chain(
        ["HUP", "INT", "QUIT", "KILL", "PIPE", "USR1", "TERM", "SEGV"]
            .map(|name| format!("kill -{name} $$")),
    ) {
        bench.program("claude", &format!("ulimit -c 0\n{script}"));
        let alone = end(command(&bench, Way::Alone).output().unwrap().status);
        for way in WAYS {
            let under = end(command(&bench, way).output().unwrap().status);
            assert_eq!(under, alone, "{script}, {way:?}");
        }
    }
}

#[test]
fn both_outputs_arrive_whole_and_in_their_order() {
    let bench = Bench::new(1);
    bench.program(
        "claude",
        "for n in 1 2 3 4 5; do echo out $n; echo err $n >&2; done; head -c 80000 /dev/zero; \
         : > \"$HOME/ended\"",
    );
    for shell in
        ["$TOOL 2>&1 | md5sum", "$TOOL 2>/dev/null | md5sum", "$TOOL 2>&1 >/dev/null | md5sum"]
    {
        let alone = in_shell(&bench, Way::Alone, shell);
        for way in WAYS {
            assert_eq!(in_shell(&bench, way, shell), alone, "{shell}, {way:?}");
        }
    }
    // A reader that is slower than the tool gets all of it: what the pipes hold when the tool has ended.
    let slow = "$TOOL 2>/dev/null | { while [ ! -e \"$HOME/go\" ]; do sleep 0.05; done; wc -c; }";
    for way in [Way::Alone, Way::Wrapped, Way::LookedAt] {
        let [go, ended] = ["go", "ended"].map(|name| bench.home.path().join(name));
        for former in [&go, &ended] {
            std::fs::remove_file(former).ok();
        }
        let opened = std::thread::spawn(move || {
            let begun = Instant::now();
            // Only what passes through us is held by pipes enough for the tool to end.
            while way == Way::LookedAt && !ended.exists() && begun.elapsed().as_secs() < 60 {
                std::thread::sleep(Duration::from_millis(5));
            }
            let has_ended = ended.exists();
            if has_ended {
                // Longer than the wrapper waits for a silent pipe.
                std::thread::sleep(Duration::from_millis(2_600));
            }
            std::fs::write(go, "").unwrap();
            has_ended
        });
        assert_eq!(in_shell(&bench, way, slow).trim(), "80030", "{way:?}");
        assert_eq!(opened.join().unwrap(), way == Way::LookedAt, "it ends before it is read");
    }
}

#[test]
fn a_closed_pipe_ends_the_tool() {
    let bench = Bench::new(1);
    bench.program("claude", "for n in $(seq 2000); do echo \"$(seq 200)\" || exit 9; done");
    let shell = "$TOOL | head -n 1; echo ${PIPESTATUS[0]}";
    let alone = in_shell(&bench, Way::Alone, shell);
    assert_eq!(alone, "1\n141\n");
    for way in WAYS {
        assert_eq!(in_shell(&bench, way, shell), alone, "{way:?}");
    }
    // Also one that writes once more and then nothing for a long time.
    bench.program("claude", "echo one; sleep 0.5; echo two; exec sleep 30");
    let shell = "$TOOL | { read line; echo $line; exec <&-; }; echo ${PIPESTATUS[0]}";
    for way in WAYS {
        assert_eq!(in_shell(&bench, way, shell), "one\n141\n", "{way:?}");
    }
}

#[test]
fn input_is_the_tools_and_what_it_leaves_is_the_next_ones() {
    let bench = Bench::new(1);
    bench.program("claude", "read line; echo \"$line\"");
    let list = bench.home.path().join("list");
    std::fs::write(&list, "a\nb\nc\n").unwrap();
    let shell = format!("{{ $TOOL; $TOOL; cat; }} < {}", list.display());
    let alone = in_shell(&bench, Way::Alone, &shell);
    assert_eq!(alone, "a\nb\nc\n");
    for way in WAYS {
        assert_eq!(in_shell(&bench, way, &shell), alone, "{way:?}");
    }
    // A conversation over a pipe: each line is answered before the next one comes.
    bench.program("claude", "while read line; do echo \"you said $line\"; done");
    for way in WAYS {
        let mut child = command(&bench, way).stdin(Stdio::piped()).spawn().unwrap();
        let mut to = child.stdin.take().unwrap();
        let mut from = std::io::BufReader::new(child.stdout.take().unwrap());
        for word in ["one", "two"] {
            writeln!(to, "{word}").unwrap();
            let mut line = String::new();
            std::io::BufRead::read_line(&mut from, &mut line).unwrap();
            assert_eq!(line.trim(), format!("you said {word}"), "{way:?}");
        }
        drop(to);
        assert!(child.wait().unwrap().success());
    }
}

/// Waits for the end that a signal brings about; what goes on all the same is killed.
fn ended(child: &mut Child, signal: &str) -> ExitStatus {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match child.try_wait().unwrap() {
            Some(status) => return status,
            None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            None => {
                child.kill().unwrap();
                panic!("{signal} did not end it: {:?}", child.wait());
            }
        }
    }
}

/// Waits until the tool has said that it is ready.
fn wait_for(file: &Path) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !file.exists() {
        assert!(Instant::now() < deadline, "{} never came", file.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn each_signal_to_the_wrapper_alone_is_the_tools() {
    let bench = Bench::new(1);
    let ready = bench.home.path().join("ready");
    let signals = [
        ("HUP", Signal::HUP),
        ("INT", Signal::INT),
        ("QUIT", Signal::QUIT),
        ("TERM", Signal::TERM),
        ("USR1", Signal::USR1),
        ("USR2", Signal::USR2),
        ("ALRM", Signal::ALARM),
        ("TSTP", Signal::TSTP),
        ("CONT", Signal::CONT),
        ("WINCH", Signal::WINCH),
    ];
    for (name, signal) in signals {
        for trapped in [true, false] {
            // What a tool does not trap ends it, or does nothing at all.
            if !trapped && matches!(name, "TSTP" | "CONT" | "WINCH") {
                continue;
            }
            let trap = if trapped { format!("trap 'exit 42' {name}") } else { String::new() };
            bench.program(
                "claude",
                // Nobody waits for ever for one that hears nothing.
                &format!(
                    "ulimit -c 0\n{trap}\n: > \"$HOME/ready\"\n\
                     for n in $(seq 1500); do sleep 0.02; done"
                ),
            );
            let ends = [Way::Alone, Way::Wrapped, Way::LookedAt].map(|way| {
                std::fs::remove_file(&ready).ok();
                let mut child = command(&bench, way).spawn().unwrap();
                wait_for(&ready);
                kill_process(Pid::from_child(&child), signal).unwrap();
                end(ended(&mut child, name))
            });
            assert_eq!(ends, [ends[0]; 3], "{name}, trapped: {trapped}");
        }
    }
}

#[test]
fn what_is_ignored_at_the_start_stays_ignored() {
    let bench = Bench::new(1);
    bench.program("claude", "grep SigIgn /proc/$$/status");
    for before in ["", "trap '' HUP;", "trap '' HUP INT QUIT TSTP USR1;", "nohup "] {
        let shell = if before == "nohup " {
            "nohup $TOOL | grep SigIgn".to_owned()
        } else {
            format!("{before} $TOOL")
        };
        let alone = in_shell(&bench, Way::Alone, &shell);
        assert!(alone.contains("SigIgn"), "{shell}: {alone}");
        for way in WAYS {
            assert_eq!(in_shell(&bench, way, &shell), alone, "{shell}, {way:?}");
        }
    }
    // And is still ignored when it comes.
    let ready = bench.home.path().join("ready");
    bench.program(
        "claude",
        ": > \"$HOME/ready\"\nwhile [ ! -e \"$HOME/end\" ]; do sleep 0.02; done; exit 6",
    );
    for way in WAYS {
        for name in ["ready", "end"] {
            std::fs::remove_file(bench.home.path().join(name)).ok();
        }
        let exec = format!("trap '' HUP; exec {}", words(&bench, way).join(" "));
        let mut shell = Command::new("bash");
        shell.args(["-c", &exec]).env("SLUICE_HOME", bench.data()).env("HOME", bench.home.path());
        shell.env_remove("SLUICE_EXECUTION_ID").env_remove("CLAUDE_CONFIG_DIR");
        let mut child = shell.stdin(Stdio::null()).spawn().unwrap();
        wait_for(&ready);
        kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
        std::fs::write(bench.home.path().join("end"), "").unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(6), "{way:?}");
    }
}

/// The state of a process, as the kernel's letter.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.trim().chars().next()
}

#[test]
fn a_tool_that_stops_takes_the_wrapper_with_it_and_back() {
    let bench = Bench::new(1);
    bench.program("claude", "kill -STOP $$; exit 5");
    for way in [Way::Alone, Way::Wrapped, Way::LookedAt] {
        let mut child = command(&bench, way).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while state(child.id()) != Some('T') {
            assert!(Instant::now() < deadline, "{way:?}: the shell would not see a stopped job");
            std::thread::sleep(Duration::from_millis(5));
        }
        kill_process(Pid::from_child(&child), Signal::CONT).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(5), "{way:?}");
    }
}
