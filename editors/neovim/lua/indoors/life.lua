-- The language client's part: what is sent at the start, what the server tells, and what happens when it ends.
--
-- A person's own `on_attach` and `on_exit` for this client take the place of what the configuration has there, so
-- nothing depends on them: of buffers events tell, and of the server's end `process`.

local again = require('indoors.again')
local awaited = require('indoors.awaited')
local builtin = require('indoors.builtin')
local clients = require('indoors.clients')
local config = require('indoors.config')
local folders = require('indoors.folders')
local ghost = require('indoors.ghost')
local menu = require('indoors.menu')
local process = require('indoors.process')
local send = require('indoors.send')
local status = require('indoors.status')

local M = {}

M.VERSION, M.PROTOCOL = '0.1.0', 1

--- Tell the server where typing may begin, so that it can prepare for the first key.
---@param client vim.lsp.Client
---@param buffer integer
local function tell_focus(client, buffer)
  if client:is_stopped() then return end
  client:notify('textDocument/didFocus', {
    textDocument = { uri = vim.uri_from_bufnr(buffer) },
    position = vim.lsp.util.make_position_params(0, client.offset_encoding).position,
  })
end

local FOCUS = vim.api.nvim_create_augroup('indoors_focus', {})

--- A client has left a buffer. Where another one has taken its place already, that goes on.
---@param client vim.lsp.Client
---@param buffer integer
local function left(client, buffer)
  if clients.of(buffer, client.id) then return ghost.clear(buffer) end
  ghost.detach(buffer)
  if vim.api.nvim_buf_is_valid(buffer) then vim.api.nvim_clear_autocmds({ group = FOCUS, buffer = buffer }) end
end

--- The server of a client has ended.
---@param client vim.lsp.Client
---@param code integer
---@param signal integer
---@param is_wanted boolean
process.on_end = function(client, code, signal, is_wanted)
  local project = { config = client.config, buffers = vim.tbl_keys(client.attached_buffers) }
  vim.schedule(function()
    for _, buffer in ipairs(project.buffers) do
      left(client, buffer)
    end
    send.gone(client.id)
    builtin.gone(client)
    status.received(client.id, nil)
    if vim.v.exiting ~= vim.NIL then return end
    local next_step = again.ended(project, client, code, signal, is_wanted)
    awaited.gone(client, next_step)
  end)
end

---@param client vim.lsp.Client
---@param buffer integer
local function attached(client, buffer)
  builtin.intercept(client)
  status.started(buffer)
  vim.api.nvim_clear_autocmds({ group = FOCUS, buffer = buffer })
  vim.api.nvim_create_autocmd({ 'BufEnter', 'InsertEnter' }, {
    buffer = buffer,
    group = FOCUS,
    callback = function() tell_focus(client, buffer) end,
  })
  if vim.api.nvim_get_current_buf() == buffer then tell_focus(client, buffer) end
  local drawn = config.get().ghost
  if drawn == 'off' then return end
  if drawn == 'builtin' and builtin.is_there() then vim.lsp.inline_completion.enable(true, { bufnr = buffer }) end
  ghost.attach(buffer)
  if vim.api.nvim_get_current_buf() == buffer then ghost.update(buffer, true) end
end

local ROOT_MARKERS = { '.git', 'pyproject.toml', 'package.json', 'go.mod', 'Cargo.toml', 'pom.xml' }

--- Find out where the project is, or do not start at all where there is no server.
---@param buffer integer
---@param on_dir fun(root: string?)
local function root_dir(buffer, on_dir)
  local why = process.missing()
  if why then return again.tell_missing(why) end
  -- Neovim itself looks for the markers only where there is no `root_dir`.
  on_dir(vim.fs.root(buffer, vim.lsp.config.indoors.root_markers or ROOT_MARKERS))
end

local is_wired = false

--- Connect the parts to each other; once.
local function wire()
  if is_wired then return end
  is_wired = true
  ghost.is_paused = function(buffer) return status.paused(buffer) ~= '' end
  ghost.tell_paused = function(buffer)
    again.say(('paused %s. Next: :Indoors pause off'):format(status.paused(buffer)))
  end
  ghost.is_covered = function() return config.get().popup ~= 'show' and menu.is_open() end
  status.on_change = function()
    local buffer = vim.api.nvim_get_current_buf()
    if status.paused(buffer) ~= '' then ghost.clear(buffer) end
  end
  menu.watch(ghost.menu_opened, ghost.menu_closed)
  local group = vim.api.nvim_create_augroup('indoors_life', {})
  for event, run in pairs({ LspAttach = attached, LspDetach = left }) do
    vim.api.nvim_create_autocmd(event, {
      group = group,
      callback = function(call)
        local client = vim.lsp.get_client_by_id(call.data.client_id)
        if client and client.name == 'indoors' then run(client, call.buf) end
      end,
    })
  end
end

--- The client's configuration, for `lsp/indoors.lua`.
---@return vim.lsp.Config
function M.client_config()
  wire()
  local wanted = config.get()
  return {
    cmd = process.start,
    filetypes = wanted.filetypes or {
      'python',
      'javascript',
      'javascriptreact',
      'typescript',
      'typescriptreact',
      'go',
      'java',
      'rust',
      'c',
      'cpp',
      'cs',
      'ruby',
      'php',
      'kotlin',
      'swift',
      'scala',
      'lua',
      'sh',
      'bash',
    },
    root_dir = root_dir,
    root_markers = ROOT_MARKERS,
    reuse_client = folders.reuse,
    workspace_required = false,
    -- Neovim checks the version of an edit, and does not say so.
    capabilities = {
      workspace = { workspaceEdit = { documentChanges = true } },
      experimental = { indoorsPreviewSend = send.CAN_WAIT },
    },
    init_options = {
      client = {
        name = 'indoors.nvim',
        version = M.VERSION,
        protocol = M.PROTOCOL,
        refresh = wanted.ghost ~= 'off',
        -- Asked is at every key, also where Neovim draws: its own wait of 200 ms is not used (`builtin`).
        waits = false,
        askInstruction = true,
        previewEdits = true,
      },
      settings = config.settings(),
    },
    commands = require('indoors.edits').commands(),
    handlers = {
      ['indoors/status'] = function(_, params, context) status.received(context.client_id, params) end,
      ['indoors/completionReady'] = function(_, params, context)
        local client = vim.lsp.get_client_by_id(context.client_id)
        if client then ghost.more(client, params) end
      end,
      ['indoors/previewSend'] = function(_, params, context) return send.request(params, context.client_id) end,
      ['$/cancelRequest'] = function(_, _, context) send.cancelled(context.client_id) end,
    },
    -- Where a person has put another `cmd` there.
    on_exit = function(code, signal, id)
      local client = vim.lsp.get_client_by_id(id)
      if client then process.ended(client, code, signal) end
    end,
  }
end

return M
