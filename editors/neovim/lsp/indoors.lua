-- The configuration that `vim.lsp.enable("indoors")` picks up from the runtime path.
-- The command comes from `vim.g.indoors.python`: an absolute interpreter path. It is never looked
-- up in the workspace, and always started with `-I`, so that no file in a workspace can decide
-- whose code runs.

local settings = vim.g.indoors or {}

--- Tell the server where typing may begin, so that it can prepare for the first key.
---@param client vim.lsp.Client
---@param buffer integer
local function tell_cursor(client, buffer)
  client:notify('textDocument/didFocus', {
    textDocument = { uri = vim.uri_from_bufnr(buffer) },
    position = vim.lsp.util.make_position_params(0, client.offset_encoding).position,
  })
end

---@type vim.lsp.Config
return {
  cmd = settings.cmd or { settings.python or vim.fn.exepath('python3'), '-I', '-m', 'indoors_server', 'serve' },
  filetypes = settings.filetypes or {
    'python', 'javascript', 'javascriptreact', 'typescript', 'typescriptreact', 'go', 'java', 'rust',
  },
  root_markers = { '.git', 'pyproject.toml', 'package.json', 'go.mod', 'Cargo.toml', 'pom.xml' },
  -- Neovim checks the version of an edit, and does not say so.
  capabilities = { workspace = { workspaceEdit = { documentChanges = true } } },
  init_options = {
    client = {
      name = 'indoors.nvim', version = '0.1.0', protocol = 1, askInstruction = true, previewEdits = true,
    },
    settings = settings.settings or vim.empty_dict(),
  },
  commands = require('indoors.edits').commands(),
  on_attach = function(client, buffer)
    vim.api.nvim_create_autocmd({ 'BufEnter', 'InsertEnter' }, {
      buffer = buffer,
      group = vim.api.nvim_create_augroup('indoors_focus_' .. buffer, {}),
      callback = function() tell_cursor(client, buffer) end,
    })
    if vim.api.nvim_get_current_buf() == buffer then tell_cursor(client, buffer) end
  end,
}
