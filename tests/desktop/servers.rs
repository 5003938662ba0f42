//! The display and the bus of the private desktop.

use super::process::{Environment, Process};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

pub(super) fn start_display(environment: &mut Environment, root: &Path) -> Process {
    let log = root.join("Xvfb.log");
    let mut command = environment.command("Xvfb");
    // Without `-noreset` it begins anew when its last client leaves, and turns away who comes just
    // then: a look at the display before the window manager is there would keep that one out.
    command.args([
        "-displayfd",
        "1",
        "-screen",
        "0",
        "1280x800x24",
        "-nolisten",
        "tcp",
        "-noreset",
    ]);
    let err = std::fs::File::create(&log).expect("a log file");
    command.stdout(Stdio::piped()).stderr(err);
    let mut display = Process::start_piped("Xvfb", &mut command, &log);
    let number = first_line(&mut display);
    environment.set("DISPLAY", format!(":{number}"));
    display
}

pub(super) fn start_bus(environment: &mut Environment, root: &Path, activation: bool) -> Process {
    let log = root.join("dbus.log");
    let config = root.join("bus.conf");
    // Without activation nothing starts that the test did not start.
    let activation = if activation { "<standard_session_servicedirs/>" } else { "" };
    let socket = root.join("run/bus");
    let text = format!(
        "<busconfig><type>session</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>\
         {activation}<policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>\
         <allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>",
        socket.display()
    );
    std::fs::write(&config, text).expect("the bus configuration");
    let mut command = environment.command("dbus-daemon");
    command.arg("--nofork").arg("--print-address=1");
    command.arg(format!("--config-file={}", config.display()));
    let err = std::fs::File::create(&log).expect("a log file");
    command.stdout(Stdio::piped()).stderr(err);
    let mut bus = Process::start_piped("dbus-daemon", &mut command, &log);
    first_line(&mut bus);
    environment.set("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", socket.display()));
    bus
}

fn first_line(process: &mut Process) -> String {
    let out = process.child().stdout.take().expect("its standard output");
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line).expect("a line");
    assert!(!line.is_empty(), "a part of the desktop ended early: {}", process.output());
    line.trim().into()
}
