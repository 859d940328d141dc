-- The configuration that `vim.lsp.enable("indoors")` picks up from the runtime path.
--
-- Whose code runs is decided in `indoors.server`: an absolute interpreter that a person named, or that one of our ways
-- to install has made, started with `-I`; never anything that a workspace holds.

---@type vim.lsp.Config
return require('indoors.life').client_config()
