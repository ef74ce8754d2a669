// VitePress's theme without its web fonts, and with tables and figures that fit.
import Theme from "vitepress/theme-without-fonts";
import "./style.css";

export default Theme;
