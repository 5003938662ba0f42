//! A private desktop for one test run: display, buses, keyring, tray host and notification server.
