# Untested: never installed with Homebrew. The command line alone.
class Sluice < Formula
  desc "Keeps the right AI coding subscription live"
  license any_of: ["MIT", "Apache-2.0"]
  version "0.1.0"
  depends_on "rust" => :build

  def install
    system "cargo", "install", *std_cargo_args(path: "src-tauri/cli")
    mkdir "pages" do
      system bin/"sluice", "manual", "."
      man1.install Dir["*.1"]
    end
    generate_completions_from_executable(bin/"sluice", "completions")
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/sluice --version")
  end
end
