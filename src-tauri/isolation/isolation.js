window.__TAURI_ISOLATION_HOOK__ = (m) => m;
