-- The configuration that `vim.lsp.enable("indoors")` picks up from the runtime path.
-- The command comes from `vim.g.indoors.python`: an absolute interpreter path. It is never looked
-- up in the workspace, and always started with `-I`, so that no file in a workspace can decide
-- whose code runs.

local settings = vim.g.indoors or {}

---@type vim.lsp.Config
return {
  cmd = settings.cmd or { settings.python or vim.fn.exepath('python3'), '-I', '-m', 'indoors_server', 'serve' },
  filetypes = settings.filetypes or {
    'python', 'javascript', 'javascriptreact', 'typescript', 'typescriptreact', 'go', 'java', 'rust',
  },
  root_markers = { '.git', 'pyproject.toml', 'package.json', 'go.mod', 'Cargo.toml', 'pom.xml' },
  init_options = {
    client = { name = 'indoors.nvim', version = '0.1.0', protocol = 1 },
    settings = settings.settings or vim.empty_dict(),
  },
}
