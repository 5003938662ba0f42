// The page in the application's window.

import "./locale";
import { render } from "preact";
import { App } from "./app";
import { tauri } from "./backend.tauri";
import "./style/index.css";

const root = document.getElementById("app");
if (root !== null) render(<App backend={tauri} />, root);
