-- The language client's part: what is sent at the start, what the server tells, and what happens when it ends.
--
-- A person's own `on_attach` and `on_exit` for this client take the place of what the configuration has there, so
-- nothing depends on them: of buffers events tell, and of the server's end `process`.

local awaited = require('indoors.awaited')
local builtin = require('indoors.builtin')
local config = require('indoors.config')
local folders = require('indoors.folders')
local ghost = require('indoors.ghost')
local menu = require('indoors.menu')
local process = require('indoors.process')
local send = require('indoors.send')
local status = require('indoors.status')

local M = {}

M.VERSION, M.PROTOCOL = '0.1.0', 1
local RESTARTS, WITHIN_S = 3, 300

---@param text string
---@param level integer?
function M.say(text, level)
  vim.schedule(function() vim.notify('Indoors: ' .. text, level or vim.log.levels.INFO) end)
end

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

---@type table<integer, true> clients that are ended to be started again
local restarting = {}

---@class indoors.Project what is started again: a client's configuration with all its folders, and its buffers
---@field config vim.lsp.ClientConfig
---@field buffers integer[]

---@type table<string, number[]> when the server of a root was started again, in seconds
local restarts = {}
---@type table<integer, indoors.Project> by client, what has ended and is not started again by itself
local down = {}

local has_told_missing = false

--- Say once that there is no server.
---@param why string
local function tell_missing(why)
  if has_told_missing then return end
  has_told_missing = true
  M.say(why, vim.log.levels.WARN)
end

--- Start the same client in the same buffers.
---@param project indoors.Project
---@return boolean is_started
function M.start(project)
  local is_started = false
  local why = project.config.cmd == process.start and process.missing()
  if why then
    tell_missing(why)
    return false
  end
  for _, buffer in ipairs(project.buffers) do
    if vim.api.nvim_buf_is_loaded(buffer) then
      status.started(buffer)
      local options = { bufnr = buffer, silent = true, reuse_client = project.config.reuse_client }
      is_started = vim.lsp.start(project.config, options) ~= nil or is_started
    end
  end
  return is_started
end

--- Attach the buffers that have no server, as if they were opened now: it may have been installed since.
---@return boolean is_tried
local function attach_open()
  local wanted = vim.lsp.config.indoors
  if not wanted or (vim.lsp.is_enabled and not vim.lsp.is_enabled('indoors')) then return false end
  local is_tried = false
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    local is_file = vim.api.nvim_buf_is_loaded(buffer) and vim.bo[buffer].buftype == ''
    local is_ours = not wanted.filetypes or vim.list_contains(wanted.filetypes, vim.bo[buffer].filetype)
    if is_file and is_ours and #vim.lsp.get_clients({ bufnr = buffer, name = 'indoors' }) == 0 then
      is_tried = true
      local function start(root)
        local made = vim.deepcopy(wanted)
        made.root_dir = root
        M.start({ config = made, buffers = { buffer } })
      end
      if type(wanted.root_dir) == 'function' then
        wanted.root_dir(buffer, start)
      else
        start(wanted.root_dir)
      end
    end
  end
  return is_tried
end

--- Start every server again because a person asked for it, also where there was none when a file was opened.
function M.restart()
  local projects = vim.tbl_values(down)
  down, restarts, has_told_missing = {}, {}, false
  for _, client in ipairs(vim.lsp.get_clients({ name = 'indoors' })) do
    table.insert(projects, { config = client.config, buffers = vim.tbl_keys(client.attached_buffers) })
    restarting[client.id] = true
    client:stop()
  end
  local function start_when_gone(tries)
    if #vim.lsp.get_clients({ name = 'indoors' }) > 0 and tries > 0 then
      return vim.defer_fn(function() start_when_gone(tries - 1) end, 50)
    end
    for _, project in ipairs(projects) do
      M.start(project)
    end
    if not attach_open() and #projects == 0 then M.say('it has not been started yet. Next: :checkhealth indoors') end
  end
  start_when_gone(100)
end

local RESTART = ':Indoors log, then :Indoors restart'

--- Start a server that has ended again, or say why not.
---@param project indoors.Project
---@param client vim.lsp.Client
---@param code integer
---@param signal integer
---@return string next_step for whoever waits for an answer of it
local function started_again(project, client, code, signal)
  down[client.id] = project
  -- Strict mode: the policy wants a lock-down that this system does not give. Starting again changes nothing.
  if code == 78 then
    local why = 'the policy allows nothing here: it is strict, and the lock-down is not proven on this system.'
    local next_step = 'indoors policy explain strict   (in a terminal)'
    status.stopped(project.buffers, why, next_step)
    M.say(('the server has ended: %s\nNext: %s'):format(why, next_step), vim.log.levels.ERROR)
    return next_step
  end
  local how = signal ~= 0 and ('signal %d'):format(signal) or ('exit status %d'):format(code)
  local now_s, root = vim.uv.now() / 1000, client.root_dir or ''
  local before = vim.tbl_filter(function(at) return now_s - at < WITHIN_S end, restarts[root] or {})
  restarts[root] = before
  if config.get().restart and #before < RESTARTS then
    table.insert(before, now_s)
    if M.start(project) then down[client.id] = nil end
    return 'ask again'
  end
  local why = ('the server ended (%s).'):format(how)
  status.stopped(project.buffers, why, RESTART)
  M.say(('%s Next: %s'):format(why, RESTART), vim.log.levels.ERROR)
  return RESTART
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
      ghost.detach(buffer)
    end
    send.gone(client.id)
    builtin.gone(client)
    status.received(client.id, nil)
    if vim.v.exiting ~= vim.NIL then return end
    local next_step = ':Indoors restart, then ask again'
    if restarting[client.id] then
      restarting[client.id] = nil
      next_step = 'ask again'
    elseif not is_wanted and (code ~= 0 or signal ~= 0) then
      next_step = started_again(project, client, code, signal)
    end
    awaited.gone(client, next_step)
  end)
end

local FOCUS = vim.api.nvim_create_augroup('indoors_focus', {})

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

---@param buffer integer
local function detached(_, buffer)
  ghost.detach(buffer)
  vim.api.nvim_clear_autocmds({ group = FOCUS, buffer = buffer })
end

local ROOT_MARKERS = { '.git', 'pyproject.toml', 'package.json', 'go.mod', 'Cargo.toml', 'pom.xml' }

--- Find out where the project is, or do not start at all where there is no server.
---@param buffer integer
---@param on_dir fun(root: string?)
local function root_dir(buffer, on_dir)
  local why = process.missing()
  if why then return tell_missing(why) end
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
    M.say(('paused %s. Next: :Indoors pause off'):format(status.paused(buffer)))
  end
  ghost.is_covered = function() return config.get().popup ~= 'show' and menu.is_open() end
  status.on_change = function()
    local buffer = vim.api.nvim_get_current_buf()
    if status.paused(buffer) ~= '' then ghost.clear(buffer) end
  end
  menu.watch(ghost.menu_opened, ghost.menu_closed)
  local group = vim.api.nvim_create_augroup('indoors_life', {})
  for event, run in pairs({ LspAttach = attached, LspDetach = detached }) do
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
