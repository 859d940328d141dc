-- Starting a server again: because a person asks for it, because it ended, or because there was none.

local clients = require('indoors.clients')
local config = require('indoors.config')
local process = require('indoors.process')
local status = require('indoors.status')

local M = {}

local RESTARTS, WITHIN_S = 3, 300
local LOOK_MS = 50

---@param text string
---@param level integer?
function M.say(text, level)
  vim.schedule(function() vim.notify('Indoors: ' .. text, level or vim.log.levels.INFO) end)
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
function M.tell_missing(why)
  if has_told_missing then return end
  has_told_missing = true
  M.say(why, vim.log.levels.WARN)
end

--- A client's configuration with the settings as they are now; what `:Indoors model` chose is among them.
---@param given vim.lsp.ClientConfig
---@return vim.lsp.ClientConfig
local function with_settings(given)
  M.settings_changed()
  local options = vim.tbl_get(vim.lsp.config, 'indoors', 'init_options') or {}
  local taken = vim.tbl_extend('force', given.init_options or {}, { settings = options.settings })
  return vim.tbl_extend('force', given, { init_options = taken })
end

--- Neovim keeps the configuration that it made for the first start, with the settings of then. This has it made anew
--- for the next one.
function M.settings_changed() vim.lsp.config('indoors', {}) end

--- Start the same client in the same buffers.
---@param project indoors.Project
---@return boolean is_started
function M.start(project)
  local is_started = false
  local why = project.config.cmd == process.start and process.missing()
  if why then
    M.tell_missing(why)
    return false
  end
  local wanted = with_settings(project.config)
  for _, buffer in ipairs(project.buffers) do
    if vim.api.nvim_buf_is_loaded(buffer) then
      status.started(buffer)
      local options = { bufnr = buffer, silent = true, reuse_client = wanted.reuse_client }
      is_started = vim.lsp.start(wanted, options) ~= nil or is_started
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
    if is_file and is_ours and not clients.of(buffer) then
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

local is_restarting = false

--- Start every server again because a person asked for it, also where there was none when a file was opened.
function M.restart()
  if is_restarting then return end -- asked for twice, as one that hangs makes people do
  is_restarting = true
  local projects = vim.tbl_values(down)
  down, restarts, has_told_missing = {}, {}, false
  for _, client in ipairs(clients.started()) do
    table.insert(projects, { config = client.config, buffers = vim.tbl_keys(client.attached_buffers) })
    restarting[client.id] = true
    client:stop()
  end
  local function start()
    is_restarting = false
    for _, project in ipairs(projects) do
      M.start(project)
    end
    if not attach_open() and #projects == 0 then M.say('it has not been started yet. Next: :checkhealth indoors') end
  end
  -- Twice its time: also what is ended by force takes a moment, and nothing more can be done then.
  local function start_when_gone(waited_ms)
    if not clients.is_any_left() or waited_ms >= 2 * clients.GRACE_MS then return start() end
    if waited_ms == clients.GRACE_MS then clients.force() end
    vim.defer_fn(function() start_when_gone(waited_ms + LOOK_MS) end, LOOK_MS)
  end
  start_when_gone(0)
end

local RESTART = ':Indoors log, then :Indoors restart'

--- Start a server that has ended again, or say why not.
---@param project indoors.Project
---@param client vim.lsp.Client
---@param code integer
---@param signal integer
---@return string next_step for whoever waits for an answer of it
local function crashed(project, client, code, signal)
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

--- A server has ended: what comes next.
---@param project indoors.Project
---@param client vim.lsp.Client
---@param code integer
---@param signal integer
---@param is_wanted boolean
---@return string next_step for whoever waits for an answer of it
function M.ended(project, client, code, signal, is_wanted)
  if restarting[client.id] then
    restarting[client.id] = nil
    return 'ask again'
  end
  if is_wanted or (code == 0 and signal == 0) then return ':Indoors restart, then ask again' end
  return crashed(project, client, code, signal)
end

return M
