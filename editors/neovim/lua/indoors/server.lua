-- Which program is the server. Never anything in the workspace, never anything that a workspace can put on PATH: an
-- absolute interpreter, started with `-I`, that a person named or that one of our ways to install has made.

local config = require('indoors.config')

local M = {}

local ARGUMENTS = { '-I', '-m', 'indoors_server', 'serve' }

---@param ... string
local function in_home(...) return vim.fs.joinpath(vim.uv.os_homedir() or '/', ...) end

---@param path string
---@return boolean
local function is_absolute(path)
  -- `c:/` is an absolute path on Windows only; elsewhere it is a folder of the workspace.
  if vim.fn.has('win32') == 1 then return path:match('^[/\\]') ~= nil or path:match('^%a:[/\\]') ~= nil end
  return path:match('^/') ~= nil
end

--- The folder that a variable names. A relative one would be looked for in the workspace, and does not count.
---@param name string
---@param otherwise string
---@return string
local function in_variable(name, otherwise)
  local folder = vim.env[name] or ''
  return is_absolute(folder) and folder or otherwise
end

--- The environments that `uv tool install`, `pipx install` and `pip` in ~/.indoors make, and those of a machine's
--- owner in /opt. In the order of VS Code (`toolPaths` in editors/vscode/src/launch.ts): both start the same server.
---@return { [1]: string, [2]: string }[] what made it, and the interpreter
function M.known_places()
  local join = vim.fs.joinpath
  local is_windows, is_mac = vim.fn.has('win32') == 1, vim.fn.has('mac') == 1
  local share = in_variable('XDG_DATA_HOME', in_home('.local', 'share'))
  local roaming = in_variable('APPDATA', in_home('AppData', 'Roaming'))
  local uv = is_windows and join(roaming, 'uv', 'data', 'tools') or join(share, 'uv', 'tools')
  local environments = {
    { 'uv tool', join(in_variable('UV_TOOL_DIR', uv), 'indoors') },
    { 'uv tool', is_windows and join(roaming, 'uv', 'tools', 'indoors') },
    { 'pipx', join(in_variable('PIPX_HOME', join(share, 'pipx')), 'venvs', 'indoors') },
    { 'pipx', in_home('.local', 'pipx', 'venvs', 'indoors') },
    { 'pipx', is_windows and in_home('pipx', 'venvs', 'indoors') },
    { 'pipx', is_mac and in_home('Library', 'Application Support', 'pipx', 'venvs', 'indoors') },
    { '~/.indoors', in_home('.indoors') },
    { '/opt/pipx', not is_windows and '/opt/pipx/venvs/indoors' },
    { '/opt/indoors', not is_windows and '/opt/indoors' },
  }
  local python = is_windows and { 'Scripts', 'python.exe' } or { 'bin', 'python' }
  local places = {}
  for _, one in ipairs(environments) do
    if one[2] then table.insert(places, { one[1], join(one[2], unpack(python)) }) end
  end
  return places
end

---@class indoors.Server
---@field cmd string[]? nil where there is none
---@field from string who named it
---@field problem string what is wrong, '' if nothing is
---@field next_step string

--- The command that starts the server, and who said so.
---@return indoors.Server
function M.find()
  local wanted = config.get()
  if wanted.cmd then
    local first = wanted.cmd[1] or ''
    local problem = not is_absolute(first) and 'which is no absolute path'
      or vim.fn.executable(first) ~= 1 and 'which is not there, or cannot be run'
      or ''
    if problem == '' then return { cmd = wanted.cmd, from = 'vim.g.indoors.cmd', problem = '', next_step = '' } end
    return {
      from = 'vim.g.indoors.cmd',
      problem = ('vim.g.indoors.cmd begins with %q, %s'):format(first, problem),
      next_step = 'give the absolute path of the interpreter; `indoors setup` prints it',
    }
  end
  if wanted.python then
    local path = vim.fs.normalize(wanted.python)
    local problem = not is_absolute(path) and 'is no absolute path'
      or vim.fn.executable(path) ~= 1 and 'is not there, or cannot be run'
      or ''
    if problem == '' then
      local cmd = vim.list_extend({ path }, ARGUMENTS)
      return { cmd = cmd, from = 'vim.g.indoors.python', problem = '', next_step = '' }
    end
    return {
      from = 'vim.g.indoors.python',
      problem = ('vim.g.indoors.python (%s) %s'):format(wanted.python, problem),
      next_step = 'give the absolute path of the interpreter; `indoors setup` prints it',
    }
  end
  for _, place in ipairs(M.known_places()) do
    if vim.fn.executable(place[2]) == 1 then
      return { cmd = vim.list_extend({ place[2] }, ARGUMENTS), from = place[1], problem = '', next_step = '' }
    end
  end
  return {
    from = 'nothing',
    problem = 'Indoors is not in ~/.indoors, and neither uv nor pipx has installed it',
    next_step = 'in a terminal: uv tool install PATH/TO/indoors-….whl && indoors setup   (or set vim.g.indoors.python)',
  }
end

--- The interpreter of the server, for the command line of the same installation; nil if `cmd` is something else.
---@return string[]?
function M.command_line()
  local cmd = M.find().cmd
  if not cmd or not vim.deep_equal(vim.list_slice(cmd, 2), ARGUMENTS) then return end
  return { cmd[1], '-I', '-m', 'indoors_server' }
end

--- Why there is no command line, with the next step.
---@return string
function M.why_no_command_line()
  local found = M.find()
  if not found.cmd then return 'not found: ' .. found.problem end
  return "`cmd` of vim.g.indoors starts something of your own. Next: run `indoors` in a terminal where that has it"
end

return M
