import "./locale";
import { render } from "preact";
import { App } from "./app";
import { tauri } from "./backend.tauri";
import "./style.css";

render(<App backend={tauri} />, document.getElementById("app")!);
