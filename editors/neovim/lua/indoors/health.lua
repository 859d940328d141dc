-- `:checkhealth indoors`: what is there, what is not, and for each problem the next step.

local builtin = require('indoors.builtin')
local clients = require('indoors.clients')
local config = require('indoors.config')
local life = require('indoors.life')
local menu = require('indoors.menu')
local server = require('indoors.server')
local status = require('indoors.status')

local M = {}

local health = vim.health

local function check_neovim()
  health.start('Neovim')
  if vim.fn.has('nvim-0.11') ~= 1 then
    return health.error(('%s is too old'):format(vim.version()), { 'Install Neovim 0.11 or newer.' })
  end
  health.ok(tostring(vim.version()))
  local wanted = config.get().ghost
  if wanted == 'off' then
    health.info('ghost text is off (vim.g.indoors.ghost)')
  elseif wanted == 'builtin' and not builtin.is_there() then
    health.warn('this Neovim has no inline completion of its own; ghost text is drawn by the plugin', {
      "Remove ghost = 'builtin' from vim.g.indoors, or install Neovim 0.12.",
    })
  elseif builtin.is_there() and wanted ~= 'own' then
    health.info("ghost text: Neovim's own inline completion where it is switched on, else the plugin's")
  else
    health.info('ghost text: drawn by the plugin')
  end
  health.info(
    ('completion menu open: ghost text is %s'):format(
      config.get().popup == 'show' and 'shown beside it' or 'hidden meanwhile'
    )
  )
end

local function check_server()
  health.start('Server')
  local found = server.find()
  if not found.cmd then
    health.error(found.problem, { found.next_step })
    return
  end
  health.ok(('found by %s: %s'):format(found.from, table.concat(found.cmd, ' ')))
  local line = server.command_line()
  if not line then return end
  local ended = vim.system(vim.list_extend(line, { '--version' }), { text = true }):wait(10000)
  if ended.code ~= 0 then
    health.error('this interpreter does not have Indoors', {
      'In a terminal: uv tool install PATH/TO/indoors-….whl   (or pip install it into that environment)',
      'Then in a terminal: indoors setup',
    })
  end
end

---@param client vim.lsp.Client
local function check_versions(client)
  local info = client.server_info or {}
  local theirs = vim.tbl_get(client.server_capabilities, 'experimental', 'indoors', 'protocol')
  local pair = ('server %s, protocol %s; plugin %s, protocol %d'):format(
    info.version or 'of unknown version',
    theirs or '?',
    life.VERSION,
    life.PROTOCOL
  )
  if theirs == nil then
    health.error(pair .. ': this is no Indoors server', { 'Look at vim.g.indoors.cmd.' })
  elseif theirs < life.PROTOCOL then
    health.warn(pair, { 'Update the server: uv tool install --force PATH/TO/indoors-….whl' })
  elseif theirs > life.PROTOCOL then
    health.warn(pair, { 'Update the plugin.' })
  else
    health.ok(pair)
  end
end

---@param client vim.lsp.Client
local function check_client(client)
  local last = status.of(client.id)
  check_versions(client)
  local lock = vim.tbl_get(client.server_capabilities, 'experimental', 'indoors', 'lock') or {}
  local state = last and last.lock or lock.state or 'unproven'
  local words = 'lock: ' .. status.lock_in_words(state)
  if state == 'unproven' then
    health.warn(words .. (lock.reason and lock.reason ~= '' and (' (' .. lock.reason .. ')') or ''), {
      'In a terminal: indoors doctor --prove   (or :Indoors prove)',
    })
  else
    health.ok(words)
  end
  local beyond = status.beyond_in_words(last)
  if beyond ~= '' then
    health.info(beyond .. '   (in a terminal: indoors policy show)')
  end
  if not last then return health.warn('the server has not told its state yet', { 'Try again in a moment.' }) end
  if last.phase == 'error' then
    health.error(last.reason, { status.next_step(last), 'In a terminal: indoors doctor' })
  elseif last.phase == 'inactive' then
    health.info('nothing is completed in the file you came from: ' .. last.reason)
  elseif last.phase == 'loading' then
    health.info('the model is being loaded' .. (last.progress and (' (%d %%)'):format(last.progress * 100) or ''))
  else
    health.ok(('model: %s, on %s'):format(last.model, last.device))
  end
end

local function check_running()
  health.start('Running')
  local running, stopped = clients.all(), status.all_stopped()
  for _, one in ipairs(stopped) do
    health.error(one.reason, { status.next_step(one) })
  end
  if #running + #stopped == 0 then
    return health.warn('the server is not running', {
      "vim.lsp.enable('indoors') in your configuration, then open a file of a language that is completed.",
    })
  end
  for _, client in ipairs(running) do
    -- Where a person wants one for each project.
    if #running > 1 then health.info(('for %s:'):format(client.root_dir or 'files in no project')) end
    check_client(client)
  end
end

--- Whether a mapping of insert mode may be a person's for us: it names us, or is for <Tab> and is not Neovim's own.
---@param one vim.api.keyset.get_keymap
---@return boolean
local function may_accept(one)
  if vim.startswith(one.lhs, '<Plug>') then return false end
  local named = ('%s %s'):format(one.rhs or '', one.desc or ''):lower()
  return named:find('indoors', 1, true) ~= nil or one.lhs == '<Tab>' and not vim.startswith(named, ' vim.snippet.jump')
end

--- Whether one is found, also only in buffers that we are attached to: blink.cmp maps there.
---@return boolean
local function is_mapped()
  local maps = vim.api.nvim_get_keymap('i')
  for _, client in ipairs(clients.all()) do
    for buffer in pairs(client.attached_buffers) do
      vim.list_extend(maps, vim.api.nvim_buf_get_keymap(buffer, 'i'))
    end
  end
  return vim.iter(maps):any(may_accept)
end

-- What others that complete with a model are known by: modules of theirs, what they set in `vim.g`, and words in the
-- names of their language clients. No such list is complete.
local OTHERS = {
  { 'Amazon Q', modules = { 'amazonq' }, client = 'amazonq' },
  { 'Augment', set = 'loaded_augment', client = 'augment' },
  { 'Codeium/Windsurf', modules = { 'codeium', 'windsurf' }, set = 'loaded_codeium', client = 'codeium' },
  { 'Copilot', modules = { 'copilot', 'copilot-lsp' }, set = 'loaded_copilot', client = 'copilot' },
  { 'Fitten Code', modules = { 'fittencode' }, client = 'fitten' },
  { 'llm.nvim', modules = { 'llm' }, client = 'llm-ls' },
  { 'minuet', modules = { 'minuet' }, client = 'minuet' },
  { 'NeoCodeium', modules = { 'neocodeium' } },
  { 'Sidekick', modules = { 'sidekick' } },
  { 'Supermaven', modules = { 'supermaven-nvim' }, client = 'supermaven' },
  { 'Tabnine', modules = { 'tabnine', 'cmp_tabnine' }, client = 'tabnine' },
}

--- What else completes here with a model: those that are known, and every client that offers inline completion.
---@return string[]
local function others()
  local loaded, found = {}, {}
  for module in pairs(package.loaded) do
    loaded[module:match('^[^./]+') or module] = true
  end
  local unknown = {} ---@type table<string, vim.lsp.Client>
  for _, client in ipairs(vim.lsp.get_clients()) do
    if client.name ~= 'indoors' then unknown[client.name] = client end
  end
  for _, one in ipairs(OTHERS) do
    local is_here = one.set and vim.g[one.set] ~= nil
    for _, module in ipairs(one.modules or {}) do
      is_here = is_here or loaded[module]
    end
    for name in pairs(unknown) do
      if one.client and name:lower():find(one.client, 1, true) then is_here, unknown[name] = true, nil end
    end
    if is_here then table.insert(found, one[1]) end
  end
  for name, client in pairs(unknown) do
    if client:supports_method('textDocument/inlineCompletion') then table.insert(found, name) end
  end
  return found
end

local function check_beside()
  health.start('Beside it')
  local found = others()
  if #found > 0 then
    health.warn(
      ('Indoors is indoors; %s is also on, and may send your code away'):format(table.concat(found, ', ')),
      {
        'Switch it off where your code must not leave this machine.',
      }
    )
  else
    local names = vim.tbl_map(function(one) return one[1] end, OTHERS)
    health.info('none of these is loaded: ' .. table.concat(names, ', ') .. '   (others are not looked for)')
  end
  if package.loaded['blink.cmp'] or package.loaded.cmp then
    health.info(
      menu.is_open() and 'a completion menu is open' or 'completion menus of blink.cmp and nvim-cmp are seen'
    )
  end
  if not is_mapped() then
    local none = 'no mapping with `indoors` in its description was found, and none of <Tab>'
    health.info(none .. '; to copy: :help indoors-mappings') -- which becomes a link, if nothing stands around it
  end
end

function M.check()
  check_neovim()
  check_server()
  check_running()
  check_beside()
end

return M
