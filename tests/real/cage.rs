//! The cage: a network namespace with loopback only, and a mount namespace with its own hosts file.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

/// As root, and as a user whose system has user namespaces.
const FORMS: [&str; 2] = ["-nm", "-rnm"];
/// Where the tools believe to call. All of it leads to loopback.
pub const HOSTS: [&str; 9] = [
    "api.anthropic.com",
    "platform.claude.com",
    "console.anthropic.com",
    "claude.ai",
    "mcp-proxy.anthropic.com",
    "downloads.claude.ai",
    "chatgpt.com",
    "auth.openai.com",
    "api.openai.com",
];

/// Starts this program again inside a cage and ends with its exit code.
pub fn enter() -> Result<ExitCode, String> {
    let works = |form: &&&str| {
        let tried = Command::new("unshare").args([form, "true"]).output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    let Some(form) = FORMS.iter().find(works) else {
        return Err(
            "neither `unshare -nm` nor `unshare -rnm` works here. The real tools are only \
                    run where no request can leave: as root, or with user namespaces allowed \
                    (kernel.unprivileged_userns_clone=1)"
                .to_owned(),
        );
    };
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut inside = Command::new("unshare");
    inside.arg(form).arg(own).arg("--inside").args(std::env::args().skip(1));
    let status = inside.status().map_err(|error| format!("unshare: {error}"))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(code.into())
}

/// Loopback up, names to loopback, and proof that nothing else can be reached.
pub fn furnish(home: &Path) -> Result<(), String> {
    run(Command::new("ip").args(["link", "set", "lo", "up"]))?;
    let devices = fs::read_to_string("/proc/self/net/dev").map_err(|error| error.to_string())?;
    let others: Vec<&str> = devices
        .lines()
        .skip(2)
        .filter_map(|line| line.split(':').next())
        .map(str::trim)
        .filter(|name| *name != "lo")
        .collect();
    // Tunnel devices of the kernel appear in every namespace; they are down and lead nowhere.
    let up = |name: &&&str| {
        let flags = fs::read_to_string(format!("/sys/class/net/{name}/operstate"));
        flags.is_ok_and(|state| state.trim() == "up")
    };
    if let Some(name) = others.iter().find(up) {
        return Err(format!("the network device {name} is up in here; nothing was started"));
    }
    let outside = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 443));
    if TcpStream::connect_timeout(&outside, Duration::from_millis(500)).is_ok() {
        return Err("an address outside answers; nothing was started".to_owned());
    }
    let hosts = home.join("hosts");
    let mut text = "127.0.0.1 localhost\n".to_owned();
    HOSTS.iter().for_each(|host| text.push_str(&format!("127.0.0.1 {host}\n")));
    fs::write(&hosts, text).map_err(|error| error.to_string())?;
    run(Command::new("mount").arg("--bind").arg(&hosts).arg("/etc/hosts"))
}

fn run(command: &mut Command) -> Result<(), String> {
    let said = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if said.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&said.stderr).trim()))
}
