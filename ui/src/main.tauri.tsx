import "./locale";
import { render } from "preact";
import { App } from "./app";
import { tauri } from "./backend.tauri";
import "./style/index.css";

render(<App backend={tauri} />, document.getElementById("app")!);
