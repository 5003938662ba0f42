# Untested: never evaluated. The command line alone, which needs neither a desktop nor a page.
{
  description = "Sluice: keeps the right AI coding subscription live";
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      each = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
    in
    {
      packages = each (pkgs: {
        default = pkgs.rustPlatform.buildRustPackage {
          pname = "sluice";
          version = "0.1.0";
          src = ../..;
          cargoLock.lockFile = ../../Cargo.lock;
          cargoBuildFlags = [ "-p" "sluice-cli" ];
          doCheck = false;
          nativeBuildInputs = [ pkgs.installShellFiles ];
          postInstall = ''
            mkdir pages && $out/bin/sluice manual pages && installManPage pages/*.1
            installShellCompletion --cmd sluice --bash <($out/bin/sluice completions bash) \
              --zsh <($out/bin/sluice completions zsh) --fish <($out/bin/sluice completions fish)
          '';
        };
      });
    };
}
